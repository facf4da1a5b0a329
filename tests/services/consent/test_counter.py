"""The counter: legal-basis decisions by officers' systems, their receipts, and a reasoned ending."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from infra.embedded.stack import Stack
from services.consent.domain.dossier import Dossier, DossierParty
from services.consent.domain.ids import PartyUid
from services.consent.service import end
from shared import clock, ids
from tests.services.consent.conftest import World
from tests.services.consent.factories import make_component, make_dossier
from tests.services.consent.handing_over import item_ids, opened

pytestmark = pytest.mark.stack

DECISIONS = "/consent/legal-basis-decisions"


def known_dossier(world: World, **changes: Any) -> tuple[Dossier, UUID]:
    """Let reuse and identity know a dossier and its party."""
    dossier = make_dossier()
    world.reuse.knows(dossier)
    return dossier, world.identity.knows_party(dossier, dossier.parties[0].party_uid, **changes)


def body_for(dossier: Dossier, **changes: Any) -> dict[str, Any]:
    return {"dossier_uid": str(dossier.dossier_uid), "party_uid": str(dossier.parties[0].party_uid)} | changes


async def decided(world: World, dossier: Dossier, **changes: Any) -> dict[str, Any]:
    answer = await world.ask("POST", DECISIONS, body_for(dossier, **changes))
    assert answer.status_code == 200, answer.text
    (grant,) = answer.json()["grants"]
    return grant


async def test_r1_a_mandated_officer_has_the_legal_basis_decided(world: World) -> None:
    dossier, subject = known_dossier(world)
    grant = await decided(world, dossier, opted_out=["person.pin"])
    assert (grant["attributes"], grant["opted_out"]) == (["person.full_name"], ["person.pin"])
    assert str(subject) not in str(grant)
    ((type_, data),) = await world.events(subject)
    assert type_ == "consent.granted.v1"
    assert data["grant"]["origin"] == "officer_at_counter"
    assert data["actor"] == {"kind": "officer", "ref": "off-7", "position": "Công chức tư pháp - hộ tịch"}


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        (
            {"mandate": {"id": "m", "kind": "procedure", "procedures": ["1.001612"], "until": None}},
            403,
            "mandate_missing",
        ),
        ({"actor": {"kind": "automated", "ref": None, "position": None}}, 403, "officer_needed"),
        ({"client_id": "business-system", "sub": "business-system"}, 404, "dossier_not_found"),
    ],
)
async def test_r1_nobody_else_has(world: World, claims: dict[str, Any], status: int, code: str) -> None:
    dossier, subject = known_dossier(world)
    answer = await world.ask("POST", DECISIONS, body_for(dossier), **claims)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await world.events(subject) == []


async def test_repeating_a_decision_changes_nothing(world: World) -> None:
    dossier, subject = known_dossier(world)
    assert await decided(world, dossier) == await decided(world, dossier)
    assert len(await world.events(subject)) == 1


async def test_r8_each_agency_of_a_dossier_has_a_right_of_its_own(world: World) -> None:
    dossier = make_dossier(agencies={"ag-000101": "Phường Hồng An", "ag-000201": "Phường Ngô Quyền"})
    world.reuse.knows(dossier)
    subject = world.identity.knows_party(dossier, dossier.parties[0].party_uid)
    received = await decided(world, dossier, opted_out=["person.pin"])
    deciding = {"uid": "ag-000201", "name": "Phường Ngô Quyền", "sector": "justice"}
    answer = await world.ask("POST", DECISIONS, body_for(dossier), agency=deciding)
    (competent,) = answer.json()["grants"]
    assert competent["grant_id"] != received["grant_id"]
    assert competent["opted_out"] == ["person.pin"]
    given = [data["grant"]["agency_uid"] for _, data in await world.events(subject)]
    assert given == ["ag-000101", "ag-000201"]
    assert await decided(world, dossier, opted_out=["person.pin"]) == received


async def test_no_officer_undoes_what_she_said_on_her_page(world: World) -> None:
    async with world.browser() as browser:
        agencies = {"ag-000101": "Phường Hồng An", "ag-000201": "Phường Ngô Quyền"}
        dossier, subject, told = await opened(world, browser, agencies=agencies)
        entry = await browser.post("/consent/entry", ticket=told["ticket"])
        page = await browser.get(entry.headers["location"])
        _, marriage, *keeping = item_ids(page.text)
        await browser.submit(page, "decision", **{marriage: "self_submit"} | dict.fromkeys(keeping, "refused"))
    world.identity.knows_party(dossier, dossier.parties[0].party_uid, subject_id=str(subject))
    (hers,) = [data["grant"] for type_, data in await world.events(subject) if type_ == "consent.granted.v1"]
    assert hers["opted_out"] == ["marriage.record"]
    there = {"uid": "ag-000201", "name": "Phường Ngô Quyền", "sector": "justice"}
    asking: list[dict[str, Any]] = [{}, {"agency": there}]
    for claims in asking:
        answer = await world.ask("POST", DECISIONS, body_for(dossier), **claims)
        (grant,) = answer.json()["grants"]
        assert (grant["attributes"], grant["opted_out"]) == (["person.full_name", "person.pin"], ["marriage.record"])


async def test_r5_a_party_nobody_identified_has_no_grant(world: World) -> None:
    dossier, _ = known_dossier(world, subject_id=None, sub=None, state="none")
    answer = await world.ask("POST", DECISIONS, body_for(dossier))
    assert (answer.status_code, answer.json()["code"]) == (409, "party_unidentified")


async def test_r5_whom_a_login_has_only_reserved_is_nobody_yet(world: World) -> None:
    dossier, _ = known_dossier(world, state="reserved", identified_by="login")
    answer = await world.ask("POST", DECISIONS, body_for(dossier))
    assert (answer.status_code, answer.json()["code"]) == (409, "party_unidentified")


async def test_r5_a_provisional_party_has(world: World) -> None:
    dossier, _ = known_dossier(world, provisional=True)
    assert (await decided(world, dossier))["state"] == "granted"


def with_child(world: World, capacity: str, *, mother: bool = True) -> tuple[Dossier, UUID, PartyUid]:
    """Let the dossier's party be a child beside its mother."""
    dossier = make_dossier()
    child, mother_uid = dossier.parties[0].party_uid, PartyUid(ids.new())
    parties = (DossierParty(child, ("child",), None), DossierParty(mother_uid, ("mother",), None))
    dossier = replace(dossier, parties=parties, components=(make_component(child, "person.full_name"),))
    world.reuse.knows(dossier)
    subject = world.identity.knows_party(dossier, child, capacity=capacity)
    if mother:
        world.identity.knows_party(dossier, mother_uid)
    return dossier, subject, mother_uid


@pytest.mark.parametrize("capacity", ["representative", "both"])
async def test_r12_a_representative_answers_for_a_child_and_is_named(world: World, capacity: str) -> None:
    dossier, _, mother = with_child(world, capacity)
    grant = await decided(world, dossier, represented_by=str(mother))
    assert (grant["given_by"], grant["represented_by"]) == (capacity, str(mother))


@pytest.mark.parametrize("capacity", ["representative", "both"])
async def test_r12_without_one_the_answer_is_representation_required(world: World, capacity: str) -> None:
    dossier, subject, _ = with_child(world, capacity)
    answer = await world.ask("POST", DECISIONS, body_for(dossier))
    assert (answer.status_code, answer.json()["code"]) == (409, "representation_required")
    assert await world.events(subject) == []


async def test_r7_what_the_procedure_does_not_ask_cannot_be_opted_out_of(world: World) -> None:
    dossier, _ = known_dossier(world)
    answer = await world.ask("POST", DECISIONS, body_for(dossier, opted_out=["person.religion"]))
    assert (answer.status_code, answer.json()["code"]) == (422, "attribute_not_allowed")


async def test_r16_a_grant_its_receipt_and_its_event_are_there_together(world: World) -> None:
    dossier, subject = known_dossier(world)
    grant = await decided(world, dossier)
    ((_, data),) = await world.events(subject)
    assert data["grant"]["receipt_id"] == grant["receipt_id"]
    assert await world.value("SELECT grant_id FROM receipt WHERE receipt_id = $1", UUID(grant["receipt_id"])) == UUID(
        grant["grant_id"]
    )


async def test_r16_nothing_is_granted_without_the_event_that_says_so(world: World, stack: Stack) -> None:
    dossier, subject = known_dossier(world)
    owner = await asyncpg.connect(stack.databases["consent"].owner)
    await owner.execute("ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (type <> 'consent.granted.v1') NOT VALID")
    try:
        answer = await world.ask("POST", DECISIONS, body_for(dossier))
    finally:
        await owner.execute("ALTER TABLE outbox DROP CONSTRAINT full_up")
        await owner.close()
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert await world.value("SELECT count(*) FROM consent_grant WHERE subject_id = $1", subject) == 0
    assert await world.value("SELECT count(*) FROM receipt WHERE subject_id = $1", subject) == 0
    await decided(world, dossier)


async def test_the_client_fetches_a_receipt_that_anybody_can_verify(world: World) -> None:
    dossier, subject = known_dossier(world)
    grant = await decided(world, dossier)
    answer = await world.ask("GET", f"/consent/receipts/{grant['receipt_id']}")
    assert answer.status_code == 200
    async with world.http() as http:
        keys = KeySet.import_key_set((await http.get("/consent/jwks")).json())
    receipt = jwt.decode(answer.text, keys, algorithms=["ES256"])
    assert receipt.header["typ"] == "consent-receipt+jwt"
    assert receipt.claims["record_id"] == grant["grant_id"]
    assert receipt.claims["sub"] == grant["sub"]
    assert receipt.claims["notice"]["told"][0]["legal_refs"]
    assert str(subject) not in str(receipt.claims)
    assert "off-7" not in str(receipt.claims)


async def test_another_client_cannot_tell_the_receipt_from_a_missing_one(world: World) -> None:
    dossier, _ = known_dossier(world)
    grant = await decided(world, dossier)
    other = {"client_id": "business-system", "sub": "business-system"}
    foreign = await world.ask("GET", f"/consent/receipts/{grant['receipt_id']}", **other)
    missing = await world.ask("GET", f"/consent/receipts/{ids.new()}", **other)
    assert foreign.status_code == missing.status_code == 404
    assert {**foreign.json(), "trace_id": ""} == {**missing.json(), "trace_id": ""}


async def test_r11_an_officer_ends_a_right_of_law_with_a_reason(world: World) -> None:
    dossier, subject = known_dossier(world)
    grant = await decided(world, dossier)
    path = f"/consent/grants/{grant['grant_id']}/ending"
    ended = await world.ask("POST", path, {"reason": "opened_for_another_person"})
    assert (ended.status_code, ended.json()["state"], ended.json()["end_reason"]) == (200, "ended", "officer")
    again = await world.ask("POST", path, {"reason": "opened_for_another_person"})
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    assert "ended" in again.json()["detail"]
    types = [type_ for type_, _ in await world.events(subject)]
    assert types == ["consent.granted.v1", "consent.legal-basis-ended.v1"]
    assert "opened_for_another" not in str(await world.events(subject))


async def test_r11_without_a_reason_or_a_right_nobody_ends_it(world: World) -> None:
    dossier, _ = known_dossier(world)
    path = f"/consent/grants/{(await decided(world, dossier))['grant_id']}/ending"
    for reason in ("", "vì", "Nhập nhầm hồ sơ của bà Hòa", "wrong\0file", "asked_by_032194004217"):
        refused = await world.ask("POST", path, {"reason": reason})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    foreign = await world.ask(
        "POST", path, {"reason": "opened_by_mistake"}, client_id="business-system", sub="business-system"
    )
    assert (foreign.status_code, foreign.json()["code"]) == (404, "grant_not_found")


async def test_r11_a_right_of_law_ends_with_its_dossier_and_none_begins_after(world: World) -> None:
    dossier, subject = known_dossier(world)
    await decided(world, dossier)
    async with world.db.transaction() as tx:
        await end.end_with_dossier(tx, dossier_uid=dossier.dossier_uid, now=clock.now())
    assert (await world.events(subject))[-1][1]["grant"]["end_reason"] == "dossier_closed"
    late = await world.ask("POST", DECISIONS, body_for(dossier))
    assert (late.status_code, late.json()["code"]) == (409, "dossier_closed")


async def test_r11_a_right_of_law_ends_on_the_day_its_rule_names(world: World) -> None:
    dossier, subject = known_dossier(world)
    grant = await decided(world, dossier)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE consent_grant SET valid_until = valid_from + interval '1 day' WHERE grant_id = $1",
            UUID(grant["grant_id"]),
        )
    await end.end_run_out(world.db, clock.now() + timedelta(hours=23))
    assert len(await world.events(subject)) == 1
    await end.end_run_out(world.db, clock.now() + timedelta(days=1))
    type_, data = (await world.events(subject))[-1]
    assert (type_, data["grant"]["end_reason"]) == ("consent.legal-basis-ended.v1", "rule_ended")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"dossier_uid": "x", "party_uid": "y"},
        {"dossier_uid": str(ids.new()), "party_uid": str(ids.new()), "pin": "a-number-of-hers"},
        {"dossier_uid": str(ids.new()), "party_uid": str(ids.new()), "opted_out": "person.pin"},
    ],
)
async def test_a_body_that_is_not_as_agreed_is_refused_without_an_echo(world: World, body: dict[str, Any]) -> None:
    answer = await world.ask("POST", DECISIONS, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "a-number-of-hers" not in answer.text


async def test_nobody_decides_without_a_token(world: World) -> None:
    async with world.http() as http:
        answer = await http.post(DECISIONS, json={})
    assert answer.status_code == 401
