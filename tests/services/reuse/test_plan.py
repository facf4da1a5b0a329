"""The plan, outcome by outcome: a pure function over what is known of a party."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.reuse.domain.ids import AttributeId
from services.reuse.domain.lookup import MATCH_KEYS
from services.reuse.domain.opening import DeclaredParty
from services.reuse.domain.plan import Outcome, PlanItem, plan_component, plan_party
from services.reuse.domain.sources import Situation
from tests.services.reuse.factories import (
    NOW,
    answered,
    component_of,
    make_claims,
    make_dossier,
    make_grant,
    make_held,
    make_person,
    make_retention,
    make_situation,
    party_with,
)

DOSSIER = make_dossier()
MOTHER = party_with(DOSSIER, "mother")
PERSON = make_person()
LAW = make_grant(DOSSIER, MOTHER, PERSON)
KEYS = tuple(make_held(key, LAW) for key in MATCH_KEYS)
MARRIAGE, IDENTITY, RESIDENCE = "parents-marriage", "mother-identity", "mother-residence"


def mother(**changes: Any) -> Situation:
    """Make the mother's situation: logged in, the law told and continued, number, name and birth date at hand."""
    given: dict[str, Any] = {"person": PERSON, "grants": (LAW,), "held": KEYS} | changes
    return make_situation(DOSSIER, "mother", given.pop("person"), **given)


def of_person(**changes: Any) -> Situation:
    """Make the situation of a mother without grants."""
    return make_situation(DOSSIER, "mother", replace(PERSON, **changes))


def law(**changes: Any) -> tuple[Any, ...]:
    """Make a changed grant of law."""
    return (replace(LAW, **changes),)


def identity_from_vneid(level: int, grade: str) -> tuple[Any, ...]:
    """Make all of the identity component, out of a login."""
    names = component_of(DOSSIER, RESIDENCE).attributes
    return tuple(make_held(n, LAW, origin="vneid", source="vneid", level=level, value_grade=grade) for n in names)


CASES: list[tuple[str, str, Callable[[], Situation], Outcome, bool]] = [
    ("nobody logged in", MARRIAGE, lambda: of_person(state="none", subject_id=None), Outcome.AWAITING_PERSON, False),
    ("she is deciding", MARRIAGE, lambda: of_person(state="reserved"), Outcome.AWAITING_PERSON, False),
    ("no decision", MARRIAGE, lambda: of_person(identified_by="officer_check"), Outcome.AWAITING_PERSON, False),
    ("a child answers", MARRIAGE, lambda: of_person(capacity="representative"), Outcome.REPRESENTATION_REQUIRED, False),
    ("a child and its parent", MARRIAGE, lambda: of_person(capacity="both"), Outcome.REPRESENTATION_REQUIRED, False),
    (
        "handed in herself", MARRIAGE,
        lambda: mother(grants=law(attributes=(), opted_out=(AttributeId("marriage.record"),))),
        Outcome.REFUSED_BY_CITIZEN, True,
    ),
    ("withdrawn", MARRIAGE, lambda: mother(grants=law(state="withdrawn")), Outcome.REFUSED_BY_CITIZEN, True),
    ("the rule ended", MARRIAGE, lambda: mother(grants=law(state="ended")), Outcome.MUST_BE_SUBMITTED, True),
    ("its day came", MARRIAGE, lambda: mother(grants=law(valid_until=NOW)), Outcome.MUST_BE_SUBMITTED, True),
    ("nothing asked yet", MARRIAGE, mother, Outcome.FETCHABLE, False),
    ("fresh", MARRIAGE, lambda: mother(held=(*KEYS, make_held("marriage.record", LAW))), Outcome.REUSABLE, False),
    (
        "too old", MARRIAGE, lambda: mother(held=(*KEYS, make_held("marriage.record", LAW, age_days=91))),
        Outcome.FETCHABLE, False,
    ),
    (
        "expired", MARRIAGE, lambda: mother(held=(*KEYS, make_held("marriage.record", LAW, valid_until=NOW))),
        Outcome.FETCHABLE, False,
    ),
    (
        "not on record", MARRIAGE,
        lambda: mother(answered=(answered("civil_status", "marriage.record", "not_found"),)),
        Outcome.NOT_AVAILABLE, True,
    ),
    (
        "nearly the same", MARRIAGE,
        lambda: mother(answered=(answered("civil_status", "marriage.record", "partial"),)),
        Outcome.OFFICER_CHECK_NEEDED, False,
    ),
    (
        "another name", MARRIAGE,
        lambda: mother(answered=(answered("civil_status", "marriage.record", "mismatch"),)),
        Outcome.OFFICER_CHECK_NEEDED, False,
    ),
    (
        "register down", MARRIAGE,
        lambda: mother(answered=(answered("civil_status", "marriage.record", "unavailable"),)),
        Outcome.SOURCE_FAULT, False,
    ),
    (
        "asked long ago", MARRIAGE,
        lambda: mother(
            answered=(answered("civil_status", "marriage.record", "not_found", at=NOW - timedelta(days=2)),)
        ),
        Outcome.FETCHABLE, False,
    ),
    ("login used up", MARRIAGE, lambda: mother(held=()), Outcome.LOGIN_AGAIN, False),
    (
        "no keys at the counter", MARRIAGE,
        lambda: mother(held=(), person=replace(PERSON, identified_by="officer_check")),
        Outcome.OFFICER_CHECK_NEEDED, False,
    ),
    (
        "keys handed in herself", MARRIAGE,
        lambda: mother(held=(), grants=law(opted_out=(MATCH_KEYS[0],))),
        Outcome.NOT_AVAILABLE, True,
    ),
    (
        "claims wait", IDENTITY,
        lambda: mother(
            held=(), person=replace(PERSON, claims=(make_claims(*component_of(DOSSIER, IDENTITY).attributes),))
        ),
        Outcome.FETCHABLE, False,
    ),
    (
        "never seen by an officer", RESIDENCE, lambda: mother(held=(*KEYS, *identity_from_vneid(1, "L0"))),
        Outcome.STEP_UP_NEEDED, False,
    ),
    (
        "a full account", RESIDENCE, lambda: mother(held=(*KEYS, *identity_from_vneid(2, "L4"))),
        Outcome.REUSABLE, False,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("component_id", "situation", "outcome", "submit"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_each_outcome_has_its_cause(
    component_id: str, situation: Callable[[], Situation], outcome: Outcome, submit: bool
) -> None:
    item = plan_component(component_of(DOSSIER, component_id), situation())
    assert (item.outcome, item.submit) == (outcome, submit), item.attributes


def test_every_outcome_is_in_the_table() -> None:
    assert {case[3] for case in CASES} == set(Outcome)


def test_only_a_failing_source_is_worth_another_try_and_only_it_is_at_fault() -> None:
    item = planned(MARRIAGE, mother(answered=(answered("civil_status", "marriage.record", "unavailable"),)))
    assert (item.fault, item.retryable) == ("source", True)
    assert (planned(MARRIAGE, mother()).fault, planned(MARRIAGE, mother()).retryable) == (None, False)


def test_R12_without_a_representative_the_plan_says_so_and_with_a_grant_it_goes_on() -> None:
    child = replace(PERSON, capacity="both")
    assert planned(MARRIAGE, mother(grants=(), person=child)).outcome is Outcome.REPRESENTATION_REQUIRED
    assert planned(MARRIAGE, mother(person=child)).outcome is Outcome.FETCHABLE


def test_R13_before_a_grant_the_plan_is_the_same_whatever_is_held() -> None:
    kept = make_retention(PERSON, "marriage.record")
    nothing = list(plan_party(mother(grants=(), held=())))
    everything = mother(grants=(kept,), held=(make_held("marriage.record", kept),))
    assert list(plan_party(everything)) == nothing


def test_R13_with_a_grant_the_plan_tells_source_and_age() -> None:
    kept = make_retention(PERSON, "marriage.record")
    held = make_held("marriage.record", kept, age_days=7, source="civil_status")
    (told,) = planned(MARRIAGE, mother(grants=(LAW, kept), held=(held,))).attributes
    assert (told.source, told.verified_at) == ("civil_status", NOW - timedelta(days=7))


def test_R6_what_was_collected_for_another_dossier_is_not_used_without_a_retention_grant() -> None:
    other = make_dossier()
    theirs = make_grant(other, party_with(other, "mother"), PERSON)
    at = mother(grants=(LAW, theirs), held=(*KEYS, make_held("marriage.record", theirs)))
    assert planned(MARRIAGE, at).outcome is Outcome.FETCHABLE


def test_R15_a_result_is_reused_only_where_its_rule_names_the_procedure() -> None:
    held = make_held("marriage.record", LAW, scope="legal_reuse", dossier_uid=None, grant_id=None)
    named, foreign = (
        replace(held, holding=replace(held.holding, procedures=p)) for p in (("1.001193",), ("1.001456",))
    )
    assert planned(MARRIAGE, mother(held=(*KEYS, named))).outcome is Outcome.REUSABLE
    assert planned(MARRIAGE, mother(held=(*KEYS, foreign))).outcome is Outcome.FETCHABLE


def test_a_withdrawn_retention_grant_holds_nothing_any_more() -> None:
    kept = make_retention(PERSON, "marriage.record", state="withdrawn")
    at = mother(grants=(LAW, kept), held=(*KEYS, make_held("marriage.record", kept)))
    assert planned(MARRIAGE, at).outcome is Outcome.FETCHABLE


def test_what_is_no_paper_never_has_to_be_handed_in() -> None:
    shop = make_dossier(procedure="1.001612", facts={}, parties=(DeclaredParty(None, ("owner", "applicant"), None),))
    at = make_situation(shop, "owner", PERSON, grants=(make_grant(shop, shop.parties[0], PERSON),))
    item = plan_component(component_of(shop, "contact-phone"), at)
    assert (item.outcome, item.submit) == (Outcome.REFUSED_BY_CITIZEN, False)


def test_what_another_agency_has_asked_her_is_no_refusal_to_this_one() -> None:
    shop = make_dossier(procedure="1.001612", facts={}, parties=(DeclaredParty(None, ("owner", "applicant"), None),))
    here = shop.receiving.uid
    for asked_by, outcome in ((here, Outcome.REFUSED_BY_CITIZEN), ("ag-000999", Outcome.LOGIN_AGAIN)):
        at = make_situation(shop, "owner", replace(PERSON, identified_for=asked_by))
        assert plan_component(component_of(shop, "contact-phone"), at).outcome is outcome


def test_a_provisional_citizen_waits_for_the_population_register() -> None:
    provisional = replace(PERSON, provisional=True, identified_by="officer_check")
    at = mother(person=provisional)
    assert planned(MARRIAGE, at).outcome is Outcome.FETCHABLE
    refused = answered("population", "person.pin", "mismatch", identification=True)
    assert planned(MARRIAGE, replace(at, answered=(refused,))).outcome is Outcome.OFFICER_CHECK_NEEDED


def planned(component_id: str, at: Situation) -> PlanItem:
    """Plan one component."""
    return plan_component(component_of(DOSSIER, component_id), at)
