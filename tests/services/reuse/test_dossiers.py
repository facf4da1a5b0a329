"""Dossiers over HTTP: who may open which, what is pinned, and what a stranger learns."""

from datetime import timedelta
from typing import Any

import pytest

from services.reuse.service import dossiers
from shared import clock, ids
from tests.services.reuse.conftest import NGO_QUYEN, World, code_of

pytestmark = pytest.mark.stack
CODE = "H24.15.6-20261124-0000042"


async def test_R1_a_dossier_is_opened_within_the_mandate_and_its_components_are_told(world: World) -> None:
    opened = await world.open()
    ((kind, told),) = await world.events(opened.uid)
    assert kind == "reuse.dossier-opened.v1"
    assert told["components"] == [{**c, "attributes": sorted(c["attributes"])} for c in opened.answer["components"]]
    assert opened.answer["state"] == "draft"
    assert [p["ref"] for p in opened.answer["parties"]] == ["child", "mother", "father"]


@pytest.mark.parametrize(
    "mandate",
    [
        {"id": "m", "kind": "procedure", "procedures": ["1.000894"], "until": None},
        {"id": "m", "kind": "audit", "procedures": ["1.001193"], "until": None},
        {"id": "m", "kind": "procedure", "procedures": ["1.001193"], "until": "2026-01-01T00:00:00+00:00"},
    ],
)
async def test_R1_outside_its_mandate_a_client_opens_nothing(world: World, mandate: dict[str, Any]) -> None:
    answer = await world.ask("POST", "/reuse/dossiers", body(), mandate=mandate)
    assert code_of(answer) == (403, "mandate_missing")


async def test_R1_a_client_acts_only_for_an_agency_of_the_dossier(world: World) -> None:
    answer = await world.ask("POST", "/reuse/dossiers", body(), agency=NGO_QUYEN)
    assert code_of(answer) == (403, "agency_not_of_dossier")


async def test_a_citizens_login_opens_and_closes_nothing(world: World) -> None:
    opened = await world.open()
    actor, mother = {"kind": "citizen"}, opened.party("mother")
    login: dict[str, Any] = {"actor": actor, "dossier_uid": opened.uid, "party_uid": mother}
    assert code_of(await world.ask("POST", "/reuse/dossiers", body(), **login)) == (403, "login_token_not_allowed")
    closing = await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"}, **login)
    assert code_of(closing) == (403, "login_token_not_allowed")


@pytest.mark.parametrize("change", [
    {"client_ref": "032194004217"}, {"client_ref": "a b"}, {"procedure": "1.1"}, {"channel": "fax"}, {"parties": []},
    {"facts": {"parents_married": 1}}, {"receiving": "H24.15"}, {"more": 1},
    {"parties": [{"roles": ["mother"], "name": "x"}]},
])  # fmt: skip
async def test_what_is_not_as_the_contract_says_is_refused_and_nothing_is_stored(
    world: World, change: dict[str, Any]
) -> None:
    before = await world.value("SELECT count(*) FROM dossier")
    answer = await world.ask("POST", "/reuse/dossiers", body(**change))
    assert code_of(answer) == (422, "invalid_request")
    assert await world.value("SELECT count(*) FROM dossier") == before


@pytest.mark.parametrize(("change", "code"), [
    ({"procedure": "1.000894"}, "procedure_unknown"),
    ({"competent": "ag-000100"}, "unknown_reference"),  # dissolved on 1/7/2025
    ({"facts": {}}, "opening_invalid"),
])  # fmt: skip
async def test_what_is_not_as_the_map_says_is_refused(world: World, change: dict[str, Any], code: str) -> None:
    assert code_of(await world.ask("POST", "/reuse/dossiers", body(**change))) == (422, code)


async def test_a_reference_opens_one_dossier(world: World) -> None:
    again = body()
    assert (await world.ask("POST", "/reuse/dossiers", again)).status_code == 201
    assert code_of(await world.ask("POST", "/reuse/dossiers", again)) == (409, "client_ref_taken")


async def test_R2_the_official_code_is_set_once_over_http(world: World) -> None:
    opened = await world.open()
    path = f"/reuse/dossiers/{opened.uid}/receipt"
    for _ in range(2):
        answer = await world.ask("POST", path, {"official_code": CODE})
        assert (answer.status_code, answer.json()["official_code"], answer.json()["state"]) == (200, CODE, "received")
    assert code_of(await world.ask("POST", path, {"official_code": CODE[:-1] + "3"})) == (409, "official_code_set")
    assert code_of(await world.ask("POST", path, {"official_code": "42"})) == (422, "invalid_request")
    kinds = [kind for kind, _ in await world.events(opened.uid)]
    assert kinds == ["reuse.dossier-opened.v1", "reuse.dossier-received.v1"]


async def test_R3_a_draft_that_nobody_receives_dies_and_everybody_hears_of_it(world: World) -> None:
    opened = await world.open()
    await world.execute(
        "UPDATE dossier SET opened_at = $2, dies_at = $3 WHERE dossier_uid = $1",
        opened.uid, clock.now() - timedelta(days=31), clock.now() - timedelta(days=1),
    )  # fmt: skip
    assert code_of(await world.ask("GET", f"/reuse/dossiers/{opened.uid}/plan")) == (409, "dossier_lapsed")
    assert (await world.call("consent", "GET", f"/internal/dossiers/{opened.uid}")).json()["state"] == "closed"
    await dossiers.let_drafts_die(world.db, clock.now())
    assert (await world.events(opened.uid))[-1][1]["outcome"] == "lapsed"
    assert code_of(await world.ask("GET", f"/reuse/dossiers/{opened.uid}/plan")) == (409, "dossier_closed")


async def test_a_stranger_cannot_tell_a_foreign_dossier_from_a_missing_one(world: World) -> None:
    opened = await world.open()
    missing = await world.ask("GET", f"/reuse/dossiers/{ids.new()}")
    assert missing.status_code == 404
    strangers: list[dict[str, Any]] = [{"agency": NGO_QUYEN}, {"client_id": "other-system", "sub": "other-system"}]
    for stranger in strangers:
        foreign = await world.ask("GET", f"/reuse/dossiers/{opened.uid}", **stranger)
        assert foreign.status_code == 404
        assert {**foreign.json(), "trace_id": ""} == {**missing.json(), "trace_id": ""}


async def test_a_login_of_another_dossier_finds_nothing(world: World) -> None:
    mine, other = await world.open(), await world.open()
    login: dict[str, Any] = {"actor": {"kind": "citizen"}, "dossier_uid": other.uid, "party_uid": other.party("mother")}
    assert code_of(await world.ask("GET", f"/reuse/dossiers/{mine.uid}/plan", **login)) == (404, "dossier_not_found")


async def test_R7_identity_and_consent_are_told_exactly_what_the_pinned_procedure_asks(world: World) -> None:
    opened = await world.open()
    told = (await world.call("identity", "GET", f"/internal/dossiers/{opened.uid}")).json()
    assert told["components"] == opened.answer["components"]
    asked = {name for component in told["components"] for name in component["attributes"]}
    assert not asked & {"person.ethnicity", "person.religion", "person.phone"}
    assert (told["client_id"], told["receiving"]["uid"]) == ("justice-system", "ag-000101")


async def test_the_inside_route_is_for_identity_and_consent_only(world: World) -> None:
    opened = await world.open()
    assert (await world.call("audit", "GET", f"/internal/dossiers/{opened.uid}")).status_code == 403
    assert code_of(await world.call("consent", "GET", f"/internal/dossiers/{ids.new()}")) == (404, "dossier_not_found")


def body(**changes: Any) -> dict[str, Any]:
    """Write an application."""
    return {
        "client_ref": f"ref-{ids.new()}",
        "procedure": "1.001193",
        "channel": "online",
        "receiving": "ag-000101",
        "competent": "ag-000101",
        "facts": {"parents_married": True},
        "parties": [{"roles": ["child"]}, {"roles": ["mother", "applicant"]}],
    } | changes
