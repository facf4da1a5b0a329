"""Values of reuse as tests need them: one factory for each entity, everything else by `**changes`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from services.reuse import catalogue
from services.reuse.domain.agency import AgencyName
from services.reuse.domain.dossier import Component, Dossier, Party
from services.reuse.domain.evidence import Evidence, Held, Holding
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import (
    AttributeId,
    DossierUid,
    EvidenceId,
    GrantId,
    HoldingId,
    SubjectId,
)
from services.reuse.domain.opening import DeclaredParty, check_opening, make_components, make_parties
from services.reuse.domain.party import Claims, Person
from services.reuse.domain.procedure import Grade
from services.reuse.domain.sources import Answered, Situation
from shared import ids, reference
from shared.vietnam import day_in_vietnam

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CONTRACTS = Path("contracts")
MAPS = catalogue.load(CONTRACTS)
REFERENCE = reference.load(CONTRACTS)
GRADES: Mapping[tuple[AttributeId, str], Grade] = {
    (AttributeId(a.id), source): catalogue.read_grade(grade)
    for a in REFERENCE.attributes.values()
    for source, grade in a.sources.items()
}
HONG_AN = AgencyName("ag-000101", "Ủy ban nhân dân phường Hồng An")
BIRTH_PARTIES = (
    DeclaredParty("child", ("child",), "mother"),
    DeclaredParty("mother", ("mother", "applicant"), None),
    DeclaredParty("father", ("father",), None),
)


def make_dossier(
    *,
    procedure: str = "1.001193",
    facts: Mapping[str, bool | str] | None = None,
    parties: tuple[DeclaredParty, ...] = BIRTH_PARTIES,
    **changes: Any,
) -> Dossier:
    """Make a birth registration with a mother who applies, a father and a child, unless told otherwise."""
    version = MAPS.find_procedure(procedure, day_in_vietnam(NOW))
    assert version is not None
    given = {"parents_married": True} if facts is None else facts
    opening = check_opening(version, None, given, parties)
    made = make_parties(parties, ids.new)
    dossier = Dossier(
        dossier_uid=DossierUid(ids.new()),
        client_id="justice-system",
        client_ref="KS-1",
        procedure=version.code,
        procedure_name=version.name,
        procedure_version=version.version,
        case_id=opening.case,
        channel="online",
        receiving=HONG_AN,
        competent=HONG_AN,
        supporting=None,
        opened_at=NOW,
        dies_at=NOW + timedelta(days=30),
        parties=made,
        components=make_components(
            version, opening, made, maps=MAPS, day=day_in_vietnam(NOW),
            data_class=lambda each: REFERENCE.attribute(each).data_class,
        ),
    )  # fmt: skip
    return replace(dossier, **changes)


def party_with(dossier: Dossier, role: str) -> Party:
    """Return the party that holds a role."""
    return next(each for each in dossier.parties if role in each.roles)


def component_of(dossier: Dossier, component_id: str) -> Component:
    """Return a component."""
    return dossier.component(component_id)


def make_person(**changes: Any) -> Person:
    """Make somebody who has logged in and decided."""
    person = Person("bound", SubjectId(ids.new()), "pairwise-0123456789", "login", False, "self")
    return replace(person, **changes)


def make_grant(dossier: Dossier, party: Party, person: Person, **changes: Any) -> Grant:
    """Make a grant of law over everything the dossier asks of the party by law."""
    asked = {name for c in dossier.components_of(party.party_uid) if c.rule for name in c.attributes}
    rule = next(c.rule for c in dossier.components if c.rule)
    grant = Grant(
        grant_id=GrantId(ids.new()),
        version=1,
        state="granted",
        kind="legal_basis",
        scope="release",
        subject_id=person.subject_id or SubjectId(ids.new()),
        sub=person.sub,
        client_id=dossier.client_id,
        agency_uid=dossier.receiving.uid,
        dossier_uid=dossier.dossier_uid,
        party_uid=party.party_uid,
        attributes=tuple(sorted(asked)),
        opted_out=(),
        purpose_id=None,
        purpose_version=None,
        rule_id=rule.id,
        rule_version=rule.version,
        letter=rule.letter,
        legal_refs=rule.legal_refs,
        valid_from=NOW - timedelta(minutes=1),
        valid_until=NOW + timedelta(days=90),
        use_budget=None,
        partition=0,
    )
    return replace(grant, **changes)


def make_retention(person: Person, *attributes: str, **changes: Any) -> Grant:
    """Make a consent to keep these attributes for the next procedure."""
    grant = Grant(
        grant_id=GrantId(ids.new()),
        version=1,
        state="granted",
        kind="consent",
        scope="retention",
        subject_id=person.subject_id or SubjectId(ids.new()),
        sub=None,
        client_id=None,
        agency_uid=None,
        dossier_uid=None,
        party_uid=None,
        attributes=tuple(AttributeId(each) for each in attributes),
        opted_out=(),
        purpose_id="keep_for_next_procedure",
        purpose_version=1,
        rule_id=None,
        rule_version=None,
        letter=None,
        legal_refs=(),
        valid_from=NOW - timedelta(minutes=1),
        valid_until=NOW + timedelta(days=365),
        use_budget=None,
        partition=0,
    )
    return replace(grant, **changes)


def make_held(attribute: str, grant: Grant, *, age_days: float = 0, **changes: Any) -> Held:
    """Make evidence of an attribute, held under a grant: for its dossier, or in her store."""
    evidence_changes = {k: v for k, v in changes.items() if k in Evidence.__dataclass_fields__}
    holding_changes = {k: v for k, v in changes.items() if k not in Evidence.__dataclass_fields__}
    evidence = Evidence(
        evidence_id=EvidenceId(ids.new()),
        subject_id=grant.subject_id,
        attribute=AttributeId(attribute),
        sealed=b"",
        digest=b"",
        origin="registry",
        source="population",
        verified_at=NOW - timedelta(days=age_days),
        level=None,
        value_grade="L4",
        valid_until=None,
        data_class="basic",
        dossier_uid=grant.dossier_uid or DossierUid(ids.new()),
    )
    holding = Holding(
        holding_id=HoldingId(ids.new()),
        evidence_id=evidence.evidence_id,
        subject_id=grant.subject_id,
        scope="dossier" if grant.scope == "release" else "citizen_store",
        dossier_uid=grant.dossier_uid,
        grant_id=grant.grant_id,
    )
    return Held(replace(evidence, **evidence_changes), replace(holding, **holding_changes))


def make_claims(*attributes: str, **changes: Any) -> Claims:
    """Make a login's claims that wait to be collected."""
    claims = Claims(ids.new(), "vneid", "collectable", tuple(AttributeId(each) for each in attributes))
    return replace(claims, **changes)


def answered(source: str, attribute: str, outcome: Any, **changes: Any) -> Answered:
    """Make a source's answer of an hour ago."""
    return replace(Answered(source, AttributeId(attribute), outcome, NOW - timedelta(hours=1)), **changes)


def make_situation(dossier: Dossier, role: str, person: Person, **changes: Any) -> Situation:
    """Make the situation of one party."""
    return replace(Situation(dossier, party_with(dossier, role), person, dossier.receiving.uid, NOW, GRADES), **changes)
