"""Conditions of a procedure map: they look at nothing but the case, the roles and the facts declared at opening."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Opening:
    """What was declared when the dossier was opened."""

    case: str
    facts: Mapping[str, bool | str]
    parties: tuple[frozenset[str], ...]  # the roles of each party


@dataclass(frozen=True)
class FactIs:
    """A fact was declared to have this value."""

    fact: str
    value: bool | str


@dataclass(frozen=True)
class CaseIn:
    """The dossier is one of these cases."""

    cases: frozenset[str]


@dataclass(frozen=True)
class HeldWith:
    """Whoever holds the role also holds one of the others; false when nobody holds it."""

    role: str
    others: frozenset[str]


@dataclass(frozen=True)
class Not:
    """The opposite."""

    inner: "Condition"


@dataclass(frozen=True)
class AllOf:
    """Each of them."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one of them."""

    parts: tuple["Condition", ...]


Condition = FactIs | CaseIn | HeldWith | Not | AllOf | AnyOf


def holds(condition: Condition, opening: Opening) -> bool:
    """Say whether a condition holds for what was declared."""
    match condition:
        case FactIs(fact, value):
            return opening.facts.get(fact) == value
        case CaseIn(cases):
            return opening.case in cases
        case HeldWith(role, others):
            return any(role in roles and not roles.isdisjoint(others) for roles in opening.parties)
        case Not(inner):
            return not holds(inner, opening)
        case AllOf(parts):
            return all(holds(part, opening) for part in parts)
        case AnyOf(parts):
            return any(holds(part, opening) for part in parts)
