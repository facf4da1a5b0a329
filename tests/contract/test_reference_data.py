"""The reference data agree with their schemas and with each other, and each check that says so can say no."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.files import ROOT, faults, schema_faults
from contracts.reference_checks import contradictions, reference_faults, version_faults
from contracts.reference_data import ReferenceData
from shared import reference

DATA = ReferenceData.load()
BIRTH = DATA.procedures["1.001193"]["versions"][0]
VERSIONS = [version for procedure in DATA.procedures.values() for version in procedure["versions"]]


def test_the_schemas_are_schemas() -> None:
    assert list(schema_faults()) == []


def test_the_reference_data_hold() -> None:
    assert list(reference_faults()) == []


def _component(data: ReferenceData, component_id: str, code: str = "1.001193") -> Any:
    components = data.procedures[code]["versions"][0]["components"]
    return next(each for each in components if each["id"] == component_id)


BREAKS: dict[str, tuple[Callable[[ReferenceData], object], str]] = {
    "an attribute nobody defines": (
        lambda data: _component(data, "mother-identity")["attributes"].append("person.shoe_size"),
        "person.shoe_size is defined nowhere",
    ),
    "a denied attribute": (
        lambda data: _component(data, "mother-identity")["attributes"].append("person.religion"),
        "person.religion is denied",
    ),
    "an attribute the rule does not allow": (
        lambda data: _component(data, "mother-identity")["attributes"].append("person.phone"),
        "reuse-birth-registration does not allow person.phone",
    ),
    "a grade no source reaches": (
        lambda data: _component(data, "mother-identity").update(any_of=[{"source": "officer_check"}]),
        "none of its sources says person.sex with grade L1",
    ),
    "a rule that is not there": (
        lambda data: _component(data, "mother-identity").update(basis={"rule": "no-such-rule"}),
        "no rule no-such-rule",
    ),
    "a rule for keeping": (
        lambda data: _component(data, "mother-identity").update(basis={"rule": "keep-birth-certificate"}),
        "is for keeping, not for releasing",
    ),
    "a rule of another procedure": (
        lambda data: _component(data, "mother-identity").update(basis={"rule": "reuse-household-business"}),
        "does not name this procedure",
    ),
    "a purpose for keeping": (
        lambda data: _component(data, "mother-identity").update(basis={"purpose": "keep_for_next_procedure"}),
        "is for keeping, not for releasing",
    ),
    "a rule that ends before the procedure version": (
        lambda data: data.rules["reuse-birth-registration"]["versions"][0].update(valid_until="2026-06-01"),
        "no version of reuse-birth-registration is in force throughout",
    ),
    "a fact nobody declares": (
        lambda data: _component(data, "parents-marriage").update(when={"fact": "moon_is_full", "is": True}),
        "moon_is_full is defined nowhere",
    ),
    "a fact's impossible value": (
        lambda data: _component(data, "parents-marriage").update(when={"not": {"fact": "parents_married", "is": "x"}}),
        "parents_married is never x",
    ),
    "a role nobody has": (
        lambda data: _component(data, "birth-notification").update(of=["midwife"]),
        "midwife is defined nowhere",
    ),
    "a result under no rule for keeping": (
        lambda data: data.procedures["1.001193"]["versions"][0]["result"].update(kept_under="reuse-birth-registration"),
        "is no rule for keeping",
    ),
    "a sensitive attribute kept": (
        lambda data: data.purposes["keep_for_next_procedure"]["versions"][0]["attributes"].append("birth.notification"),
        "birth.notification is sensitive",
    ),
    "a rule for a procedure without a map": (
        lambda data: data.rules["reuse-birth-registration"]["versions"][0]["procedures"].append("1.000894"),
        "1.000894 is defined nowhere",
    ),
    "a unit that outlives its parent": (
        lambda data: data.units["un-000100"].update(parent_uid="un-000001"),
        "un-000100 has no parent for all its time",
    ),
    "two attributes with one claim": (
        lambda data: data.attributes["person.phone"]["oidc"].update(claim="name"),
        "two share the claim name",
    ),
    "a sector without agencies": (
        lambda data: data.procedures["1.001193"].update(sector="astronomy"),
        "no agency of the sector astronomy",
    ),
}


@pytest.mark.parametrize(("break_it", "said"), BREAKS.values(), ids=BREAKS.keys())
def test_a_contradiction_is_found(break_it: Callable[[ReferenceData], object], said: str) -> None:
    data = deepcopy(DATA)
    break_it(data)
    assert [fault for fault in contradictions(data) if said in fault]


@pytest.mark.parametrize(
    ("periods", "said"),
    [
        ([(1, "2026-01-01", None), (2, "2026-06-01", None)], "version 2 overlaps the one before"),
        ([(1, "2026-01-01", "2026-06-02"), (2, "2026-06-01", None)], "version 2 overlaps the one before"),
        ([(1, "2026-01-01", "2026-01-01")], "version 1 ends before it begins"),
        ([(2, "2026-01-01", None)], "its versions are not numbered 1, 2, 3 …"),
    ],
)
def test_versions_follow_each_other_without_overlap(periods: list[tuple[int, str, str | None]], said: str) -> None:
    versions = [dict(zip(("version", "valid_from", "valid_until"), period, strict=True)) for period in periods]
    assert said in list(version_faults({"versions": versions}))


def test_versions_may_meet_on_a_day() -> None:
    """Periods are half-open: the day on which one ends is the first of the next."""
    first = {"version": 1, "valid_from": "2026-01-01", "valid_until": "2027-03-01"}
    assert (
        list(version_faults({"versions": [first, {"version": 2, "valid_from": "2027-03-01", "valid_until": None}]}))
        == []
    )


def test_sensitive_attributes_are_those_the_decree_names() -> None:
    """Decree 356/2025 Art 4: ethnicity, religion and health are sensitive; a number or marital status is basic."""
    sensitive = {name for name, each in DATA.attributes.items() if each["data_class"] == "sensitive"}
    assert sensitive == {"person.ethnicity", "person.religion", "person.blood_group", "birth.notification"}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version["result"]["attribute"])
def test_what_the_population_database_tells_unasked_is_denied_everywhere(version: Any) -> None:
    denied = {"person.ethnicity", "person.religion", "person.blood_group", "person.marital_status"}
    assert denied <= set(version["deny_attributes"])


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("1994-03-12", True),
        ("1958", True),
        ("1994-3-12", False),
        ("1994-02-30", False),
        ("12/03/1994", False),
        ("94", False),
    ],
)
def test_a_birth_date_is_a_day_or_only_a_year(value: str, fits: bool) -> None:
    shape = Draft202012Validator(
        DATA.attributes["person.birth_date"]["value"], format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    assert shape.is_valid(value) is fits  # pyright: ignore[reportUnknownMemberType]  # stubs of jsonschema leave a parameter untyped


def test_a_marriage_record_leaves_no_room_for_the_other_spouse() -> None:
    shape = DATA.attributes["marriage.record"]["value"]
    assert shape["additionalProperties"] is False
    assert set(shape["properties"]) == {"record_no", "registered_on", "registered_by", "status"}


def test_the_parents_marriage_is_one_component_about_two_people() -> None:
    about = [each["of"] for each in BIRTH["components"] if each.get("attributes") == ["marriage.record"]]
    assert about == [["mother", "father"]]


def test_the_birth_notification_is_the_mothers_evidence() -> None:
    """R5: a newborn has no evidence until an officer identifies it by its new number."""
    assert _component(DATA, "birth-notification")["of"] == ["mother"]
    assert [each["id"] for each in BIRTH["components"] if "child" in each["of"]] == ["child-identity"]


def test_everything_on_resolution_66_7_ends_with_its_last_day() -> None:
    """28/2/2027 is its last day, so by half-open periods the first without it is 1/3/2027."""
    for thing in [*DATA.rules.values(), *DATA.procedures.values()]:
        for version in thing["versions"]:
            assert any("66.7/2025/NQ-CP" in each for each in version["legal_refs"])
            assert (version["valid_from"], version["valid_until"]) == ("2026-01-01", "2027-03-01")


def test_one_code_is_two_wards_by_date() -> None:
    """Resolution 1669/NQ-UBTVQH15: An Hồng went into Hồng An on 1/7/2025, under the same code."""
    read = reference.load(ROOT)
    eve, day = datetime(2025, 6, 30, 16, 59, tzinfo=UTC), datetime(2025, 6, 30, 17, 0, tzinfo=UTC)
    assert read.unit("un-000100", eve).code == read.unit("un-000101", day).code == "11602"
    assert [agency.uid for agency in read.succeeding("ag-000100", eve)] == ["ag-000100"]
    assert [agency.uid for agency in read.succeeding("ag-000100", day)] == ["ag-000101"]


def test_a_paper_that_is_always_handed_in_has_no_source() -> None:
    paper = _component(DATA, "power-of-attorney")
    procedure = deepcopy(DATA.procedures["1.001193"])
    procedure["versions"][0]["components"] = [{**paper, "attributes": ["person.pin"]}]
    assert "attributes" not in paper
    assert list(faults(procedure, "procedures/schema.json"))
