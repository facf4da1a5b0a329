"""The registers confirm who matches, tell only what was asked, and count every call."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from jsonschema import Draft202012Validator, validate

from infra.simulators.personas import load_personas
from infra.simulators.registries.app import make_registries
from infra.simulators.registries.journal import subject_digest
from infra.simulators.registries.matching import compare_names
from infra.simulators.registries.registers import OFFERED, load_registers

ATTRIBUTES = Path(__file__).parents[2] / "contracts" / "attributes"
PEOPLE = load_personas()
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
async def registries() -> AsyncIterator[httpx2.AsyncClient]:
    app = make_registries(load_registers(PEOPLE), lambda: NOW)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://registries") as client:
        yield client


def make_query(person: str = "mother", *attributes: str, **changes: Any) -> dict[str, Any]:
    persona = PEOPLE[person]
    query: dict[str, Any] = {
        "request_id": "r-1",
        "procedure": "1.001193",
        "dossier_ref": "d-1",
        "on_behalf_of": {"kind": "officer", "ref": "o-1", "agency_uid": "ag-000101"},
        "match": {"pin": persona.pin, "full_name": persona.full_name, "birth_date": persona.birth_date},
        "attributes": list(attributes or ("person.sex",)),
    }
    return query | changes


def matching(pin: str, full_name: str, birth_date: str) -> Mapping[str, str]:
    return {"pin": pin, "full_name": full_name, "birth_date": birth_date}


@pytest.mark.parametrize(
    ("match", "outcome"),
    [
        (matching("032194004217", "Phạm Thu Hòa", "1994-03-12"), "found"),
        (matching("032194004217", "PHẠM  THU HÒA", "1994-03-12"), "found"),
        (matching("032194004217", "Phạm Thu Hoà", "1994-03-12"), "partial"),
        (matching("032194004217", "PHAM THU HOA", "1994-03-12"), "partial"),
        (matching("032194004217", "Phạm Thu Hòa", "1994"), "partial"),
        (matching("032194004217", "Phạm Thu Hóa", "1994-03-12"), "mismatch"),
        (matching("032194004217", "Phạm Thu Hoa", "1994-03-12"), "mismatch"),
        (matching("032194004217", "Phạm Thu Hòa", "1994-03-13"), "mismatch"),
        (matching("032194004217", "PHAM THU HOA", "1995"), "mismatch"),
        (matching("039158001604", "Vũ Thị Nhàn", "1958"), "partial"),
        (matching("039158001604", "Vũ Thị Nhàn", "1958-04-01"), "partial"),
        (matching("032199999999", "Phạm Thu Hòa", "1994-03-12"), "not_found"),
    ],
)
async def test_number_name_and_birth_date_are_matched_together(
    registries: httpx2.AsyncClient, match: dict[str, str], outcome: str
) -> None:
    answer = (await registries.post("/population/queries", json=make_query(match=match))).json()
    assert answer["outcome"] == outcome
    assert answer["attributes"] == ({"person.sex": "female"} if outcome == "found" else {})


def test_the_stroke_of_d_is_a_mark_like_any_other() -> None:
    assert compare_names("DO MANH CUONG", "Đỗ Mạnh Cường") == "similar"


async def test_only_what_was_asked_is_told(registries: httpx2.AsyncClient) -> None:
    query = make_query("mother", "residence.permanent")
    answer = (await registries.post("/population/queries", json=query)).json()
    assert list(answer["attributes"]) == ["residence.permanent"]


async def test_what_a_register_does_not_hold_is_named(registries: httpx2.AsyncClient) -> None:
    query = make_query("newborn", "person.sex", "person.marital_status")
    answer = (await registries.post("/population/queries", json=query)).json()
    assert (answer["outcome"], answer["missing"]) == ("found", ["person.marital_status"])


async def test_the_birth_is_found_under_the_mothers_number_only(registries: httpx2.AsyncClient) -> None:
    outcomes = {
        name: (await registries.post("/health-births/queries", json=make_query(name, "birth.notification"))).json()
        for name in ("mother", "father", "newborn")
    }
    assert {name: answer["outcome"] for name, answer in outcomes.items()} == {
        "mother": "found",
        "father": "not_found",
        "newborn": "not_found",
    }


@pytest.mark.parametrize(("person", "count"), [("shop_owner", 1), ("mother", 0)])
async def test_no_earlier_registration_is_an_answer_too(
    registries: httpx2.AsyncClient, person: str, count: int
) -> None:
    query = make_query(person, "business.registrations")
    answer = (await registries.post("/business/queries", json=query)).json()
    assert answer["outcome"] == "found"
    assert len(answer["attributes"]["business.registrations"]) == count


async def test_marriage_is_told_to_each_without_the_others_identifiers(registries: httpx2.AsyncClient) -> None:
    for one, other in (("mother", "father"), ("father", "mother")):
        answer = await registries.post("/civil-status/queries", json=make_query(one, "marriage.record"))
        assert answer.json()["attributes"]["marriage.record"]["record_no"] == "88/2022"
        assert PEOPLE[other].pin not in answer.text
        assert PEOPLE[other].full_name not in answer.text


def test_every_value_has_the_shape_the_vocabulary_of_attributes_promises() -> None:
    files = [yaml.safe_load(path.read_text("utf-8")) for path in ATTRIBUTES.glob("*.yaml")]
    shapes = {attribute["id"]: attribute["value"] for file in files for attribute in file["attributes"]}
    for person in load_registers(PEOPLE).values():
        for registry, entries in person.entries.items():
            assert set(entries) <= OFFERED[registry]
            for attribute, value in entries.items():
                validate(value, shapes[attribute], cls=Draft202012Validator)


@pytest.mark.parametrize(
    "changes",
    [
        {"on_behalf_of": None},
        {"on_behalf_of": {"kind": "nobody", "ref": "x", "agency_uid": "ag-000101"}},
        {"attributes": []},
        {"attributes": ["marriage.record"]},
        {"reason": "curious"},
    ],
)
async def test_a_query_without_a_named_asker_or_with_anything_unknown_is_refused(
    registries: httpx2.AsyncClient, changes: dict[str, Any]
) -> None:
    assert (await registries.post("/population/queries", json=make_query(**changes))).status_code == 422
    assert (await registries.get("/journal")).json() == {"lines": []}


async def test_a_register_that_is_switched_off_says_so_until_it_is_on_again(registries: httpx2.AsyncClient) -> None:
    await registries.post("/switches", json={"registry": "population", "unavailable": True})
    off = await registries.post("/population/queries", json=make_query())
    assert (off.status_code, off.json()) == (503, {"outcome": "unavailable", "retry_after": 30})
    assert (await registries.post("/civil-status/queries", json=make_query("mother", "marriage.record"))).is_success
    await registries.post("/switches", json={"registry": "population", "unavailable": False})
    assert (await registries.post("/population/queries", json=make_query())).json()["outcome"] == "found"


async def test_the_journal_counts_calls_without_showing_a_number(registries: httpx2.AsyncClient) -> None:
    for _ in range(2):
        await registries.post("/population/queries", json=make_query())
    journal = await registries.get("/journal")
    assert PEOPLE["mother"].pin not in journal.text
    assert journal.json()["lines"] == [
        {
            "registry": "population",
            "outcome": "found",
            "subject": subject_digest(PEOPLE["mother"].pin),
            "calls": 2,
            "told": {"person.sex": 2},
        }
    ]


async def test_a_number_issued_anew_is_known_to_the_population_register_alone(
    registries: httpx2.AsyncClient,
) -> None:
    person = PEOPLE["reissued"]
    assert person.former_pin is not None
    outcomes = {
        (number, registry): (
            await registries.post(
                f"/{registry}/queries",
                json=make_query("reissued", attribute, match=matching(pin, person.full_name, person.birth_date)),
            )
        ).json()["outcome"]
        for number, pin in (("new", person.pin), ("cancelled", person.former_pin))
        for registry, attribute in (("population", "person.sex"), ("civil-status", "marriage.record"))
    }
    assert outcomes == {
        ("new", "population"): "found",
        ("new", "civil-status"): "not_found",
        ("cancelled", "population"): "not_found",
        ("cancelled", "civil-status"): "found",
    }
