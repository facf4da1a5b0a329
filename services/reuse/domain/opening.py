"""Opens a dossier: what is declared is held to the map in force, and the map becomes components (R2, R7)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from services.reuse.domain.condition import Opening
from services.reuse.domain.dossier import Component, Party, PinnedRule, components_for
from services.reuse.domain.ids import AttributeId, PartyUid
from services.reuse.domain.procedure import Asked, ComponentType, Fact, Maps, ProcedureVersion
from shared.errors import FieldError, Invalid

DataClassOf = Callable[[AttributeId], str]


class UnknownProcedure(Invalid):
    """No such procedure is in force today."""

    code = "procedure_unknown"


class NotAsTheMap(Invalid):
    """What is declared is not what the procedure's map provides for."""

    code = "opening_invalid"


@dataclass(frozen=True)
class DeclaredParty:
    """A person as the client declares her, by a reference of its own."""

    ref: str | None
    roles: tuple[str, ...]
    represented_by: str | None


def check_opening(
    procedure: ProcedureVersion, case: str | None, facts: Mapping[str, Fact], parties: Sequence[DeclaredParty]
) -> Opening:
    """Return what was declared, with defaults. Raises NotAsTheMap naming each member that is wrong."""
    wrong = [*_case_errors(procedure, case), *_fact_errors(procedure, facts), *_party_errors(procedure, parties)]
    if wrong:
        raise NotAsTheMap(errors=[FieldError(pointer, reason) for pointer, reason in wrong])
    defaults = {f.id: f.default for f in procedure.facts if f.default is not None}
    return Opening(
        case=case or procedure.cases[0],
        facts={**defaults, **facts},
        parties=tuple(frozenset(each.roles) for each in parties),
    )


def make_parties(declared: Sequence[DeclaredParty], new_id: Callable[[], UUID]) -> tuple[Party, ...]:
    """Give each declared person a uid; references between them become uids."""
    uids = [PartyUid(new_id()) for _ in declared]
    by_ref = {each.ref: uid for each, uid in zip(declared, uids, strict=True) if each.ref}
    return tuple(
        Party(uid, each.ref, each.roles, by_ref[each.represented_by] if each.represented_by else None)
        for each, uid in zip(declared, uids, strict=True)
    )


def make_components(
    procedure: ProcedureVersion,
    opening: Opening,
    parties: Sequence[Party],
    *,
    maps: Maps,
    day: date,
    data_class: DataClassOf,
) -> tuple[Component, ...]:
    """Return what is asked in this dossier, rules and purposes pinned to their version of that day (R2)."""
    types = {each.id: each for each in procedure.components}
    return tuple(
        _component(types[component_id], party, maps, day, data_class)
        for component_id, party in components_for(procedure, opening, parties)
    )


def _component(kind: ComponentType, party: Party, maps: Maps, day: date, data_class: DataClassOf) -> Component:
    plain = Component(kind.id, party.party_uid, kind.document_code, kind.document, kind.optional)
    asked = kind.asked
    rule, purpose = (_rule(asked, maps, day), _purpose(asked, maps, day)) if asked else (None, None)
    if asked is None or (rule is None and purpose is None):
        return plain  # a basis that is not in force any more leaves the paper
    return Component(
        plain.component_id, plain.party_uid, plain.document_code, plain.document, plain.optional,
        attributes=asked.attributes,
        sources=tuple(source.name for source in asked.sources),
        rule=rule,
        purpose=purpose,
        data_class=_highest(data_class(each) for each in asked.attributes),
        max_age_days=asked.max_age_days,
        min_grade=asked.min_grade,
    )  # fmt: skip


def _rule(asked: Asked, maps: Maps, day: date) -> PinnedRule | None:
    rule = maps.find_rule(asked.rule_id, day) if asked.rule_id else None
    if rule is None:
        return None
    return PinnedRule(rule.id, rule.version, rule.letter, rule.legal_refs, rule.ends_on, rule.identification)


def _purpose(asked: Asked, maps: Maps, day: date) -> tuple[str, int] | None:
    version = maps.find_purpose(asked.purpose_id, day) if asked.purpose_id else None
    return (asked.purpose_id, version) if asked.purpose_id and version else None


def _highest(classes: Iterator[str]) -> Literal["basic", "sensitive"]:
    return "sensitive" if "sensitive" in classes else "basic"


Errors = Iterator[tuple[str, str]]


def _case_errors(procedure: ProcedureVersion, case: str | None) -> Errors:
    if case is None and len(procedure.cases) != 1:
        yield "/case", "missing"
    if case is not None and case not in procedure.cases:
        yield "/case", "unknown"


def _fact_errors(procedure: ProcedureVersion, facts: Mapping[str, Fact]) -> Errors:
    known = {each.id: each for each in procedure.facts}
    if facts.keys() - known.keys():
        yield "/facts", "unknown_fact"
    for name, fact in known.items():
        if name not in facts and fact.required:
            yield f"/facts/{name}", "missing"
        if name in facts and facts[name] not in fact.values:
            yield f"/facts/{name}", "not_a_value"


def _party_errors(procedure: ProcedureVersion, parties: Sequence[DeclaredParty]) -> Errors:
    names = {role.name for role in procedure.roles}
    held = [role for party in parties for role in party.roles]
    for role in procedure.roles:
        if not role.at_least <= held.count(role.name) <= role.at_most:
            yield "/parties", "number_of_role"
    for n, party in enumerate(parties):
        if not set(party.roles) <= names:
            yield f"/parties/{n}/roles", "unknown_role"
        elif not _may_be_held(procedure, frozenset(party.roles)):
            yield f"/parties/{n}/roles", "roles_not_combined"
    yield from _reference_errors(parties)


def _may_be_held(procedure: ProcedureVersion, roles: frozenset[str]) -> bool:
    if any(roles & together and not together <= roles for together in procedure.together):
        return False
    return len(roles) == 1 or any(roles <= combination for combination in procedure.combinations)


def _reference_errors(parties: Sequence[DeclaredParty]) -> Errors:
    refs = [party.ref for party in parties if party.ref]
    if len(set(refs)) != len(refs):
        yield "/parties", "ref_twice"
    for n, party in enumerate(parties):
        by = party.represented_by
        if by is not None and (by not in refs or by == party.ref):
            yield f"/parties/{n}/represented_by", "unknown_ref"
