"""What is declared at opening is held to the map in force, and the map becomes components."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from services.reuse.domain.condition import AllOf, AnyOf, CaseIn, FactIs, HeldWith, Not, Opening, holds
from services.reuse.domain.dossier import TRANSITIONS, Act, DossierClosed, DraftLapsed, OfficialCodeSet, State
from services.reuse.domain.opening import DeclaredParty, NotAsTheMap, check_opening
from services.reuse.domain.procedure import InvalidMap, ProcedureVersion, check_map
from tests.services.reuse.factories import BIRTH_PARTIES, MAPS, NOW, make_dossier, party_with

DAY = date(2026, 11, 24)
OPENING = Opening("c1", {"married": True, "kind": "a"}, (frozenset({"mother", "applicant"}), frozenset({"father"})))


def birth() -> ProcedureVersion:
    """Return birth registration as it is in force."""
    found = MAPS.find_procedure("1.001193", DAY)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (FactIs("married", True), True),
        (FactIs("kind", "b"), False),
        (FactIs("absent", True), False),
        (CaseIn(frozenset({"c1"})), True),
        (HeldWith("applicant", frozenset({"mother"})), True),
        (HeldWith("applicant", frozenset({"father"})), False),
        (HeldWith("nobody", frozenset({"mother"})), False),
        (Not(FactIs("married", True)), False),
        (AllOf((FactIs("married", True), CaseIn(frozenset({"c2"})))), False),
        (AnyOf((FactIs("married", True), CaseIn(frozenset({"c2"})))), True),
    ],
)
def test_conditions_look_at_case_roles_and_facts(condition: object, expected: bool) -> None:
    assert holds(condition, OPENING) is expected  # pyright: ignore[reportArgumentType] - each is a Condition


def test_R2_the_version_in_force_on_the_day_is_taken_and_on_no_day_outside_any() -> None:
    assert birth().version == 1
    assert MAPS.find_procedure("1.001193", date(2025, 12, 31)) is None
    assert MAPS.find_procedure("1.001193", date(2027, 3, 1)) is None


def test_R2_components_carry_the_rule_version_of_the_day_of_opening() -> None:
    component = make_dossier().component("mother-identity")
    assert component.rule is not None
    assert (component.rule.id, component.rule.version) == ("reuse-birth-registration", 1)


def test_a_record_about_two_people_is_one_component_of_each() -> None:
    dossier = make_dossier()
    about = {c.party_uid for c in dossier.components if c.component_id == "parents-marriage"}
    assert about == {party_with(dossier, "mother").party_uid, party_with(dossier, "father").party_uid}


def test_conditions_decide_what_is_asked() -> None:
    unmarried = make_dossier(facts={"parents_married": False})
    assert not any(c.component_id == "parents-marriage" for c in unmarried.components)
    child, _, father = BIRTH_PARTIES
    mother, applicant = DeclaredParty("mother", ("mother",), None), DeclaredParty("a", ("applicant",), None)
    stranger = make_dossier(parties=(child, mother, father, applicant))
    assert {"applicant-identity", "power-of-attorney"} <= {c.component_id for c in stranger.components}


def test_the_newborns_number_is_asked_by_law_and_is_no_paper() -> None:
    dossier = make_dossier()
    (only,) = dossier.components_of(party_with(dossier, "child").party_uid)
    assert (only.component_id, only.optional, only.basis) == ("child-identity", True, "legal_basis")


WRONG: list[tuple[str, Callable[[], object], str]] = [
    ("fact missing", lambda: opened(facts={}), "/facts/parents_married"),
    ("fact unknown", lambda: opened(facts={"parents_married": True, "x": True}), "/facts"),
    ("fact not a value", lambda: opened(facts={"parents_married": "yes"}), "/facts/parents_married"),
    ("case unknown", lambda: opened(case="1.001193.99"), "/case"),
    ("nobody applies", lambda: opened(parties=(DeclaredParty(None, ("child",), None),)), "/parties"),
    ("two mothers", lambda: opened(parties=(*BIRTH_PARTIES, DeclaredParty("x", ("mother",), None))), "/parties"),
    (
        "unknown role",
        lambda: opened(parties=(*BIRTH_PARTIES, DeclaredParty("x", ("uncle",), None))),
        "/parties/3/roles",
    ),
    (
        "one person as both parents",
        lambda: opened(parties=(*BIRTH_PARTIES[:1], DeclaredParty("x", ("mother", "father", "applicant"), None))),
        "/parties/1/roles",
    ),
    (
        "represented by nobody",
        lambda: opened(parties=(DeclaredParty("child", ("child",), "aunt"), *BIRTH_PARTIES[1:])),
        "/parties/0/represented_by",
    ),
    ("a ref twice", lambda: opened(parties=(*BIRTH_PARTIES[:2], replace(BIRTH_PARTIES[2], ref="mother"))), "/parties"),
]


def opened(**changes: object) -> object:
    """Declare a birth registration with something wrong."""
    given = {"case": None, "facts": {"parents_married": True}, "parties": BIRTH_PARTIES} | changes
    return check_opening(birth(), **given)  # pyright: ignore[reportArgumentType] - what tests give


@pytest.mark.parametrize(("declare", "pointer"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_the_map_does_not_provide_for_is_refused_and_its_place_named(
    declare: Callable[[], object], pointer: str
) -> None:
    with pytest.raises(NotAsTheMap) as refused:
        declare()
    assert pointer in [error.pointer for error in refused.value.errors]


def test_optional_facts_have_their_default() -> None:
    opening = check_opening(birth(), None, {"parents_married": True}, BIRTH_PARTIES)
    assert opening.facts["applicant_is_close_relative"] is False


def test_R7_a_map_that_asks_for_more_than_its_rule_allows_is_not_loaded() -> None:
    procedure = birth()
    check_map(procedure, MAPS.rules)
    narrow = [replace(rule, attributes=frozenset()) for rule in MAPS.rules]
    with pytest.raises(InvalidMap):
        check_map(procedure, narrow)


def test_R7_a_map_that_asks_for_what_is_denied_is_not_loaded() -> None:
    with pytest.raises(InvalidMap):
        check_map(replace(birth(), denied=frozenset({"person.pin"})), MAPS.rules)


def test_every_state_of_a_dossier_has_its_transitions() -> None:
    assert set(TRANSITIONS) == {(state, act) for state in State for act in Act}


def test_R2_the_official_code_is_set_once() -> None:
    received = make_dossier().receive("H24.15.6-20261124-0000042", NOW)
    assert received.receive("H24.15.6-20261124-0000042", NOW) is received
    with pytest.raises(OfficialCodeSet):
        received.receive("H24.15.6-20261124-0000043", NOW)


def test_R3_a_closed_dossier_and_a_dead_draft_are_open_for_nothing() -> None:
    make_dossier().check_open(NOW)
    with pytest.raises(DossierClosed):
        make_dossier().close("granted", NOW).check_open(NOW)
    with pytest.raises(DraftLapsed):
        make_dossier(dies_at=NOW).check_open(NOW)


def test_the_readme_draws_the_transitions_as_they_are() -> None:
    readme = Path("services/reuse/README.md").read_text("utf-8")
    drawn = set(re.findall(r"^(\w+) +--(\w+)--> (\w+)", readme, re.MULTILINE))
    assert drawn == {(state, act, after) for (state, act), after in TRANSITIONS.items() if after}
