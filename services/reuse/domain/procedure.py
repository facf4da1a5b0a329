"""Procedure maps and rules: what a procedure asks of whom, by the version in force when a dossier opens (R2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from services.reuse.domain.condition import Condition, Opening, holds
from services.reuse.domain.ids import AttributeId, ComponentId
from shared.languages import Words

Grade = Literal["L0", "L1", "L2", "L3", "L4"]
Fact = bool | str
REGISTRIES = ("population", "civil_status", "health_births", "business")


class InvalidMap(Exception):
    """The maps and rules contradict themselves; the message says where. The service does not start with them."""


@dataclass(frozen=True)
class Period:
    """Days in Vietnam, half-open; without an end as long as nobody names one."""

    since: date
    until: date | None

    def covers(self, day: date) -> bool:
        """Say whether the day is within."""
        return self.since <= day and (self.until is None or day < self.until)


@dataclass(frozen=True)
class Rule:
    """One version of a legal basis; `letter` is that of Law 91/2025 Art 19(1)."""

    id: str
    version: int
    kind: Literal["release", "legal_reuse"]
    period: Period
    letter: str
    legal_refs: tuple[str, ...]
    procedures: frozenset[str]
    attributes: frozenset[AttributeId]
    ends_on: date | None
    identification: str | None = None
    keep: timedelta | None = None


@dataclass(frozen=True)
class Source:
    """Somebody who can say an attribute; a register compares `match` before it answers."""

    name: str
    match: tuple[AttributeId, ...] = ()


@dataclass(frozen=True)
class Asked:
    """What the gateway may reuse for a component, and how good and fresh it has to be."""

    attributes: tuple[AttributeId, ...]
    sources: tuple[Source, ...]
    min_grade: Grade
    max_age_days: int
    rule_id: str | None
    purpose_id: str | None


@dataclass(frozen=True)
class ComponentType:
    """One thing the map asks; without `asked` it is a paper that is always handed in."""

    id: ComponentId
    document_code: str
    document: Words
    of: tuple[str, ...]
    when: Condition | None
    asked: Asked | None
    optional: bool

    def is_asked_of(self, roles: frozenset[str], opening: Opening) -> bool:
        """Say whether it is asked of a party with these roles in this dossier."""
        return not roles.isdisjoint(self.of) and (self.when is None or holds(self.when, opening))


@dataclass(frozen=True)
class RoleType:
    """How many parties of a dossier hold a role."""

    name: str
    at_least: int
    at_most: int


@dataclass(frozen=True)
class FactType:
    """Something declared at opening; an optional one has a default."""

    id: str
    values: tuple[Fact, ...]
    required: bool
    default: Fact | None


@dataclass(frozen=True)
class ResultType:
    """What the procedure ends in, whose evidence that becomes, and the rule under which it is kept (R15)."""

    type: str
    attribute: AttributeId
    of: str
    kept_under: str


@dataclass(frozen=True)
class ProcedureVersion:
    """One version of a procedure's reuse map."""

    code: str
    version: int
    name: Words
    period: Period
    cases: tuple[str, ...]
    facts: tuple[FactType, ...]
    roles: tuple[RoleType, ...]
    combinations: tuple[frozenset[str], ...]
    together: tuple[frozenset[str], ...]
    components: tuple[ComponentType, ...]
    denied: frozenset[AttributeId]
    result: ResultType | None


@dataclass(frozen=True)
class Maps:
    """All maps and rules of one installation."""

    procedures: tuple[ProcedureVersion, ...]
    rules: tuple[Rule, ...]
    purposes: tuple[tuple[str, int, Period], ...]  # id, version, when in force

    def find_procedure(self, code: str, day: date) -> ProcedureVersion | None:
        """Return the version in force on a day."""
        return next((p for p in self.procedures if p.code == code and p.period.covers(day)), None)

    def get_pinned(self, code: str, version: int) -> ProcedureVersion:
        """Return the version a dossier was opened under; versions are never taken away while dossiers name them."""
        return next(p for p in self.procedures if (p.code, p.version) == (code, version))

    def find_rule(self, rule_id: str, day: date) -> Rule | None:
        """Return the version of a rule in force on a day."""
        return next((r for r in self.rules if r.id == rule_id and r.period.covers(day)), None)

    def find_purpose(self, purpose_id: str, day: date) -> int | None:
        """Return the version of a purpose in force on a day."""
        return next((v for p, v, period in self.purposes if p == purpose_id and period.covers(day)), None)

    def rules_for_keeping(self, attribute: AttributeId, day: date) -> list[Rule]:
        """Return every rule under which an attribute may be kept for other procedures (R9)."""
        return [r for r in self.rules if r.kind == "legal_reuse" and attribute in r.attributes and r.period.covers(day)]


def check_map(procedure: ProcedureVersion, rules: Iterable[Rule]) -> None:
    """Raise InvalidMap when a component asks for more than its rule allows, or for what is denied (R7)."""
    by_id: Mapping[str, list[Rule]] = _by_id(rules)
    for component in procedure.components:
        asked = component.asked
        if asked is None:
            continue
        allowed = by_id.get(asked.rule_id, []) if asked.rule_id else []
        beyond = [a for a in asked.attributes if a in procedure.denied or any(a not in r.attributes for r in allowed)]
        if beyond or (asked.rule_id and not any(procedure.code in r.procedures for r in allowed)):
            raise InvalidMap(f"{procedure.code} v{procedure.version} {component.id}: not allowed {sorted(beyond)}")


def _by_id(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.id, []).append(rule)
    return found
