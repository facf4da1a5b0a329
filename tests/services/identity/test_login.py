"""The whole login, from the pushed request to the token, and everything that may go wrong at VNeID on the way."""

from typing import Any

import asyncpg
import pytest
from joserfc import jws

from infra.embedded.stack import Stack
from shared import clock
from tests.services.identity.city import ISSUER
from tests.services.identity.conftest import World, back
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_a_login_becomes_a_question_an_answer_a_code_and_a_token(world: World) -> None:
    """R1, R4, R6, R7, R16, accepting: one party of one dossier, each step with its event."""
    city, dossier, mother = world.city(), world.dossier(), make_person()
    details = city.login(dossier)
    async with world.http() as browser:
        page = await world.log_in(browser, details, mother, city)
        assert page.status_code == 200
        assert 'name="ticket" value="ticket-' in page.text
        assert "form-action 'self'" in page.headers["content-security-policy"]
        asked = world.consent.opened[-1]
        assert asked["capacity"] == "self"
        assert (await world.who_is(details))["state"] == "reserved"
        world.consent.decide(asked["flow_id"], "person.pin", "person.full_name", "person.birth_date")
        answer = back(await browser.get(f"/identity/flows/{asked['flow_id']}/return"))
        assert answer["iss"] == ISSUER
        assert answer["state"] == "a state of the client's"
        assert answer["desk"] == "1"
        given = await city.trade(browser, answer["code"])
    assert given.status_code == 200, given.text
    assert given.json()["token_type"] == "DPoP"
    assert given.json()["expires_in"] == 300
    assert given.json()["authorization_details"] == [details]
    who = await world.who_is(details)
    assert who["state"] == "bound"
    assert who["identified_by"] == "login"
    assert who["claims"][0]["state"] == "collectable"
    told = [name for name, _ in await world.events(who["subject_id"])]
    assert told == [
        "login-succeeded", "party-identified", "party-identified", "claims-verified",
    ]  # fmt: skip


async def test_the_token_says_who_acts_for_whom_and_never_the_surrogate_id(world: World) -> None:
    city, dossier = world.city(), world.dossier()
    details = city.login(dossier)
    async with world.http() as browser:
        answer = await world.decided(browser, city, details, make_person(), "person.pin")
        token = (await city.trade(browser, answer["code"])).json()
    bound = await world.service.verifier.__class__(
        issuer=ISSUER, audience="http://localhost:8080/reuse", keys=world.parts.tokens
    ).verify_access_token(token["access_token"], now=clock.now())
    who = await world.who_is(details)
    assert bound.jkt == city.holder.jkt
    assert bound.caller.sub == who["sub"] == world.consent.opened[-1]["sub"]
    assert bound.caller.subject_id is None
    assert who["subject_id"] not in str(jws.extract_compact(token["access_token"].encode()).payload)
    assert who["subject_id"] not in str(token)
    assert bound.caller.attributes == ("person.pin",)
    assert bound.caller.mandate.id == "m-000101"
    assert bound.caller.actor.kind == "citizen"
    assert bound.caller.party_uid == details["party_uid"]


async def test_her_own_page_learns_the_surrogate_id_and_keeps_no_claims(world: World) -> None:
    page, person = world.page(), make_person()
    details = {"type": "reuse_dossier", "purpose": "self_service"}
    consent = "http://localhost:8080/consent"
    async with world.http() as browser:
        door = await world.to_vneid(browser, page, details, resource=consent)
        answer = back(await world.from_vneid(browser, world.vneid.approve(door, person)))
        token = (await page.trade(browser, answer["code"], resource=consent)).json()["access_token"]
    verifier = type(world.service.verifier)(issuer=ISSUER, audience=consent, keys=world.parts.tokens)
    caller = (await verifier.verify_access_token(token, now=clock.now())).caller
    assert caller.subject_id is not None
    assert caller.mandate.kind == "first_party"
    told = await world.events(caller.subject_id)
    assert [name for name, _ in told] == ["login-succeeded"]
    assert told[0][1]["purpose"] == "self_service"
    assert await world.value("SELECT count(*) FROM claims WHERE subject_id = $1::uuid", caller.subject_id) == 0


async def test_the_browser_is_asked_for_a_fresh_login_with_pkce_nonce_and_state(world: World) -> None:
    city = world.city()
    async with world.http() as browser:
        door = await world.to_vneid(browser, city, city.login(world.dossier()))
    for part in ("prompt=login", "max_age=0", "code_challenge_method=S256", "nonce=", "state=", "scope=openid"):
        assert part in door


async def failed(world: World, answer: dict[str, str], details: Any) -> tuple[str, str, Any]:
    """Return error, description and the one event of a login that failed; nothing else may be left of it."""
    told = await world.events(details["dossier_uid"])
    assert [name for name, _ in told] == ["login-failed"]
    assert answer["iss"] == ISSUER
    assert (await world.who_is(details))["state"] == "none"
    assert await world.value("SELECT count(*) FROM claims WHERE dossier_uid = $1::uuid", details["dossier_uid"]) == 0
    return answer["error"], answer["error_description"], told[0][1]


async def test_a_refusal_at_vneid_is_the_citizens_and_keeps_nothing(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        door = await world.to_vneid(browser, city, details)
        answer = back(await world.from_vneid(browser, world.vneid.refuse(door)))
    error, description, event = await failed(world, answer, details)
    assert (error, description) == ("access_denied", "refused")
    assert (event["reason"], event["fault"]) == ("refused", "citizen")


@pytest.mark.parametrize("level", [{"account_level": "1"}, {"auth_level": "1"}, {"kind": "2"}])
async def test_too_low_a_level_is_named_as_such(world: World, level: dict[str, str]) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        answer = back(await world.log_in(browser, details, make_person(**level)))
    error, _, event = await failed(world, answer, details)
    assert error == "unmet_authentication_requirements"
    assert event["reason"] == "level_too_low"


@pytest.mark.parametrize("born", ["20160509", "2013"])
async def test_a_child_does_not_answer_alone(world: World, born: str) -> None:
    """R12, refusing: nobody's receipt is written in a child's name; of a year only its last day counts."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        answer = back(await world.log_in(browser, details, make_person(pin=_child_pin(), born=born)))
    error, description, event = await failed(world, answer, details)
    assert (error, description) == ("access_denied", "representation_required")
    assert event["reason"] == "representation_required"


async def test_a_source_that_is_down_is_never_the_citizens_fault(world: World) -> None:
    """R16 and I11: VNeID's failure is told as the source's."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        door = await world.to_vneid(browser, city, details)
        world.vneid.down = True
        answer = back(await world.from_vneid(browser, world.vneid.approve(door, make_person())))
    error, _, event = await failed(world, answer, details)
    assert error == "temporarily_unavailable"
    assert (event["reason"], event["fault"]) == ("source_unavailable", "source")


async def test_a_source_that_is_down_from_the_start_sends_the_browser_back(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    world.vneid.down = True
    async with world.http() as browser:
        answer = back(await browser.get(await city.authorize_url(browser, details)))
    error, _, _ = await failed(world, answer, details)
    assert error == "temporarily_unavailable"


async def test_nobody_is_logged_in_without_the_event_that_says_so(world: World, stack: Stack) -> None:
    """R16, refusing: where the event cannot be written, neither is the login."""
    details, person = world.city().login(world.dossier()), make_person()
    owner = await asyncpg.connect(stack.databases["identity"].owner)
    async with world.http() as browser:
        door = await world.to_vneid(browser, world.city(), details)
        await owner.execute("ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (type NOT LIKE 'identity.%') NOT VALID")
        try:
            answer = await world.from_vneid(browser, world.vneid.approve(door, person))
        finally:
            await owner.execute("ALTER TABLE outbox DROP CONSTRAINT full_up")
            await owner.close()
    assert answer.status_code == 500
    assert (await world.who_is(details))["state"] == "none"
    counted = "SELECT count(*) FROM citizen WHERE pin_index = $1"
    assert await world.value(counted, world.parts.safe.index(person.pin)) == 0


async def test_one_number_is_one_citizen_and_two_sectors_know_her_by_two_names(world: World) -> None:
    """R6, accepting: a second procedure has its own login; I7: its sector its own identifier."""
    person, city, dossier = make_person(), world.city(), world.dossier()
    details = city.login(dossier)
    async with world.http() as browser:
        await world.decided(browser, city, details, person, "person.pin")
        first = await world.who_is(details)
        again = city.login(world.dossier())
        await world.decided(browser, city, again, person, "person.pin")
        second = await world.who_is(again)
    assert first["subject_id"] == second["subject_id"]
    assert first["sub"] == second["sub"]
    elsewhere = await world.who_is(details, "ag-000301")
    assert elsewhere["sub"] != first["sub"]
    assert elsewhere["sector"] == "business"
    assert await world.value("SELECT count(*) FROM data_key WHERE subject_id = $1::uuid", first["subject_id"]) == 1


async def test_what_vneid_tells_beyond_the_question_is_nowhere(world: World) -> None:
    person, details = make_person(), world.city().login(world.dossier(), "person.pin")
    async with world.http() as browser:
        await world.log_in(browser, details, person)
    held = await world.value(
        "SELECT array_agg(attribute) FROM claim_value v JOIN claims USING (claims_id) WHERE dossier_uid = $1::uuid",
        details["dossier_uid"],
    )
    assert held == ["person.pin"]


def _child_pin() -> str:
    return "0323" + make_person().pin[4:]
