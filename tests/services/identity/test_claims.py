"""What becomes of claims: granted by browser or event, whichever is first; collected once; gone in time (§4.2)."""

from datetime import timedelta
from typing import Any

import pytest

from services.identity.domain.claims import digest_of
from services.identity.service.sweep import sweep
from shared import clock, ids
from tests.services.identity.claiming import asked, collect, confirm, lose_number, make_grant, tell
from tests.services.identity.conftest import World, back
from tests.services.identity.test_checks import place
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_granted_claims_are_collected_confirmed_and_gone(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.decided(browser, world.city(), details, make_person(), "person.pin", "person.full_name")
    who = await world.who_is(details)
    claims_id = who["claims"][0]["claims_id"]
    told = (await collect(world, claims_id)).json()
    assert sorted(told["attributes"]) == ["person.full_name", "person.pin"]
    assert told["digest"] == digest_of(told["salt"], told["attributes"]) == who["claims"][0]["digest"]
    assert (told["source"], told["acr"], told["account_level"]) == ("vneid", "3", 2)
    assert (await collect(world, claims_id)).status_code == 200  # a crash of reuse loses nothing
    assert [await confirm(world, claims_id) for _ in range(2)] == [204, 204]
    refused = await collect(world, claims_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "claims_not_collectable")
    assert await world.value("SELECT count(*) FROM claim_value WHERE claims_id = $1::uuid", claims_id) == 0
    gone = [data["reason"] for name, data in await world.events(who["subject_id"]) if name == "claims-discarded"]
    assert gone == ["collected"]


async def test_ungranted_values_go_at_the_decision(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.decided(browser, world.city(), details, make_person(), "person.pin")
    claims_id = (await world.who_is(details))["claims"][0]["claims_id"]
    left = "SELECT array_agg(attribute) FROM claim_value WHERE claims_id = $1::uuid"
    assert await world.value(left, claims_id) == ["person.pin"]


async def test_claims_are_not_given_out_before_she_has_answered(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await asked(world, browser, details)
    claims_id = (await world.who_is(details))["claims"][0]["claims_id"]
    assert (await collect(world, claims_id)).status_code == 409
    assert await confirm(world, claims_id) == 409
    assert (await collect(world, str(ids.new()))).status_code == 404


async def test_only_reuse_collects(world: World) -> None:
    answer = await world.call("consent", "POST", f"/internal/claims/{ids.new()}/collection", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "caller_not_allowed")


async def test_the_event_makes_claims_collectable_where_no_browser_comes_back(world: World) -> None:
    """R4: any decision binds for good, also one that only an event tells of."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    grant = make_grant("person.pin", **request)
    await tell(world, "consent.decided.v1", **request, grant_ids=[grant["grant_id"]])
    assert (await world.who_is(details))["state"] == "bound"
    assert (await world.who_is(details))["claims"][0]["state"] == "held"
    await tell(world, "consent.granted.v1", grant=grant)
    more = make_grant("person.full_name", **request)
    await tell(world, "consent.granted.v1", grant=more)
    await tell(world, "consent.granted.v1", grant=more)  # delivered twice
    claims = (await world.who_is(details))["claims"][0]
    assert claims["state"] == "collectable"
    told = [name for name, _ in await world.events(request["subject_id"])]
    assert told.count("claims-verified") == 2
    assert (await collect(world, claims["claims_id"])).json()["attributes"].keys() == {"person.full_name", "person.pin"}


async def test_the_browser_coming_back_after_the_event_still_gets_its_code(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
        await tell(world, "consent.decided.v1", **request, grant_ids=[str(ids.new())])
        flow_id = world.consent.opened[-1]["flow_id"]
        world.consent.decide(flow_id, "person.pin")
        assert "code" in back(await browser.get(f"/identity/flows/{flow_id}/return"))
    told = [name for name, _ in await world.events(request["subject_id"])]
    assert told == ["login-succeeded", "party-identified", "party-identified", "claims-verified"]


async def test_a_decision_that_grants_nothing_deletes_the_claims_by_its_event(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    await tell(world, "consent.decided.v1", **request, grant_ids=[])
    assert (await world.who_is(details))["claims"][0]["state"] == "discarded"


@pytest.mark.parametrize(("type_", "reason"), [("abandoned", "refused"), ("lapsed", "lapsed")])
async def test_giving_up_is_learnt_by_event_too(world: World, type_: str, reason: str) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    for _ in range(2):
        await tell(world, f"consent.{type_}.v1", **request)
    assert (await world.who_is(details))["state"] == "none"
    gone = [data["reason"] for name, data in await world.events(request["subject_id"]) if name == "claims-discarded"]
    assert gone == [reason]


async def test_an_event_finds_the_login_though_the_number_of_its_request_was_lost(world: World) -> None:
    """A crash between consent's answer and ours: person and party stand in for the number."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    await lose_number(world, request)
    await tell(world, "consent.granted.v1", grant=make_grant("person.pin", **request))
    assert (await world.who_is(details))["claims"][0]["state"] == "collectable"


async def test_a_right_to_keep_lets_nothing_be_collected(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    keep = make_grant("person.pin", **request) | {"scope": "retention", "dossier_uid": None, "party_uid": None}
    await tell(world, "consent.granted.v1", grant=keep)
    assert (await world.who_is(details))["claims"][0]["state"] == "held"


async def test_an_officers_decision_makes_the_keys_of_the_card_collectable(world: World) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    who = await world.who_is(place(dossier))
    grant = make_grant("person.pin", "person.full_name", subject_id=who["subject_id"], **place(dossier))
    await tell(world, "consent.granted.v1", grant=grant)
    claims = (await world.who_is(place(dossier)))["claims"][0]
    assert (claims["state"], claims["source"]) == ("collectable", "officer_check")


async def test_an_older_word_lets_nothing_be_collected_once_a_newer_is_known(world: World) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    subject = (await world.who_is(place(dossier)))["subject_id"]
    grant = make_grant("person.pin", subject_id=subject, **place(dossier))
    await tell(world, "consent.withdrawn.v1", grant=grant | {"version": 2, "state": "withdrawn"})
    await tell(world, "consent.granted.v1", grant=grant)
    assert (await world.who_is(place(dossier)))["claims"][0]["state"] == "held"


@pytest.mark.parametrize(
    "end",
    [{"state": "withdrawn"}, {"valid_until": "2000-01-01T00:00:00.000000Z"}],
    ids=["withdrawn", "run-out"],
)
async def test_what_was_granted_and_has_ended_is_not_given_out(world: World, end: dict[str, Any]) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    who = await world.who_is(place(dossier))
    claims_id = who["claims"][0]["claims_id"]
    every = make_grant("person.pin", "person.full_name", subject_id=who["subject_id"], **place(dossier))
    less = make_grant("person.pin", subject_id=who["subject_id"], **place(dossier))
    await tell(world, "consent.granted.v1", grant=every)
    await tell(world, "consent.withdrawn.v1", grant=every | {"version": 2} | end)
    assert (await collect(world, claims_id)).json()["code"] == "claims_not_granted"
    await tell(world, "consent.granted.v1", grant=less)
    told = (await collect(world, claims_id)).json()
    assert told["attributes"].keys() == {"person.pin"}
    assert told["digest"] == digest_of(told["salt"], told["attributes"])


async def test_a_second_look_under_a_standing_decision_is_collectable_at_once(world: World) -> None:
    """A mistyped name is mended without asking consent again, which would say nothing new."""
    dossier, person = world.dossier(), make_person()
    await world.check(world.city(), dossier, person, full_name="Mistyped Name")
    subject = (await world.who_is(place(dossier)))["subject_id"]
    grant = make_grant("person.full_name", subject_id=subject, **place(dossier))
    await tell(world, "consent.granted.v1", grant=grant)
    await world.check(world.city(), dossier, person)
    claims = (await world.who_is(place(dossier)))["claims"]
    assert [each["state"] for each in claims] == ["collectable", "discarded"]
    assert (await collect(world, claims[0]["claims_id"])).json()["attributes"] == {"person.full_name": person.name}
    await tell(world, "consent.withdrawn.v1", grant=grant | {"version": 2, "state": "withdrawn"})
    await tell(world, "consent.granted.v1", grant=grant)  # late: an older version overwrites nothing
    await world.check(world.city(), dossier, person)
    assert (await world.who_is(place(dossier)))["claims"][0]["state"] == "held"


async def at(world: World, **later: float) -> None:
    """Let identity's timer run at a later time."""
    await sweep(world.db, clock.now() + timedelta(**later))


async def test_a_login_nobody_answers_lapses_after_fifteen_minutes(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    await at(world, minutes=14)
    assert (await world.who_is(details))["state"] == "reserved"
    await at(world, minutes=16)
    assert (await world.who_is(details))["state"] == "none"
    gone = [data["reason"] for name, data in await world.events(request["subject_id"]) if name == "claims-discarded"]
    assert gone == ["lapsed"]


async def test_a_decision_told_after_the_timer_binds_the_party_all_the_same(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
    await at(world, minutes=16)
    await tell(world, "consent.decided.v1", **request, grant_ids=[str(ids.new())])
    assert (await world.who_is(details))["state"] == "bound"


async def test_a_late_decision_for_a_party_that_is_another_by_now_raises_an_alarm(world: World) -> None:
    """R4, refusing: nobody is rebound behind a person's back."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        request = await asked(world, browser, details)
        await at(world, minutes=16)
        await asked(world, browser, details)
    await tell(world, "consent.decided.v1", **request, grant_ids=[])
    taken = "SELECT count(*) FROM alarm WHERE kind = 'party_taken' AND key = $1"
    assert await world.value(taken, details["party_uid"]) == 1


async def test_claims_nobody_collects_go_after_an_hour(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.decided(browser, world.city(), details, make_person(), "person.pin")
    await at(world, minutes=59)
    assert (await world.who_is(details))["claims"][0]["state"] == "collectable"
    await at(world, minutes=61)
    who = await world.who_is(details)
    assert (who["state"], who["claims"][0]["state"]) == ("bound", "discarded")
    assert (await world.events(who["subject_id"]))[-1][1]["reason"] == "uncollected"


async def test_a_card_nobody_decides_on_loses_its_keys_and_keeps_its_party(world: World) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    await at(world, minutes=16)
    who = await world.who_is(place(dossier))
    assert (who["state"], who["claims"][0]["state"]) == ("bound", "discarded")


async def test_a_browser_that_never_comes_back_from_vneid_is_one_failed_login(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.to_vneid(browser, world.city(), details)
    for _ in range(2):
        await at(world, minutes=11)
    told = await world.events(details["dossier_uid"])
    assert [(name, data["reason"], data["fault"]) for name, data in told] == [("login-failed", "timeout", "citizen")]


async def test_an_answer_we_lost_is_not_called_the_citizens_fault(world: World) -> None:
    """I11: the process died between taking VNeID's answer and the login."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.to_vneid(browser, world.city(), details)
    async with world.tx() as tx:
        await tx.execute(
            """UPDATE flow f SET returned_at = started_at, nonce = NULL, code_verifier = NULL FROM pushed_request r
               WHERE r.request_id = f.request_id AND r.dossier_uid = $1::uuid""",
            details["dossier_uid"],
        )
    await at(world, minutes=11)
    assert [data["fault"] for _, data in await world.events(details["dossier_uid"])] == ["gateway"]
