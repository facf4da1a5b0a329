"""The browser's way: two tabs, a reload, a stranger's browser; to the consent page and back from it (§4.2)."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.services.identity.conftest import World, back
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_two_tabs_of_one_browser_both_work(world: World) -> None:
    city, person = world.city(), make_person()
    first, second = city.login(world.dossier()), city.login(world.dossier())
    async with world.http() as browser:
        door_1 = await world.to_vneid(browser, city, first)
        door_2 = await world.to_vneid(browser, city, second)
        page_2 = await world.from_vneid(browser, world.vneid.approve(door_2, person))
        page_1 = await world.from_vneid(browser, world.vneid.approve(door_1, person))
    assert (page_1.status_code, page_2.status_code) == (200, 200)
    assert (await world.who_is(first))["state"] == (await world.who_is(second))["state"] == "reserved"


async def test_giving_up_in_one_tab_does_not_free_the_party_under_the_other(world: World) -> None:
    """R4: two tabs of one person for one party; the second answers after the first was given up."""
    city, person, details = world.city(), make_person(), world.city().login(world.dossier())
    async with world.http() as browser:
        await world.log_in(browser, details, person, city)
        first = world.consent.opened[-1]["flow_id"]
        await world.log_in(browser, details, person, city)
        second = world.consent.opened[-1]["flow_id"]
        world.consent.decide(first, state="abandoned")
        back(await browser.get(f"/identity/flows/{first}/return"))
        assert (await world.who_is(details))["state"] == "reserved"
        world.consent.decide(second, "person.pin")
        assert "code" in back(await browser.get(f"/identity/flows/{second}/return"))
    who = await world.who_is(details)
    assert who["state"] == "bound"
    assert [each["state"] for each in who["claims"]] == ["collectable", "discarded"]


async def test_an_answer_in_another_browser_is_not_taken_and_stays_good_for_its_own(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser, world.http() as stranger:
        door = await world.to_vneid(browser, city, details)
        answer = world.vneid.approve(door, make_person())
        before = world.vneid.asked.count("token")
        refused = await world.from_vneid(stranger, answer)
        assert refused.status_code == 404
        assert "trình duyệt" in refused.text
        assert world.vneid.asked.count("token") == before
        assert (await world.from_vneid(browser, answer)).status_code == 200


@pytest.mark.parametrize("state", ["", "invented"])
async def test_an_answer_to_no_login_is_not_taken(world: World, state: str) -> None:
    async with world.http() as browser:
        answer = await world.from_vneid(browser, {"state": state, "code": "c", "iss": "i"})
    assert answer.status_code == 404


async def test_a_doubled_parameter_is_refused(world: World) -> None:
    async with world.http() as browser:
        answer = await browser.get("/identity/vneid/callback?state=a&state=b")
    assert answer.status_code == 422


async def test_a_reload_of_the_answer_leads_on_with_another_ticket_and_no_second_login(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        answer = world.vneid.approve(await world.to_vneid(browser, city, details), make_person())
        first = await world.from_vneid(browser, answer)
        again = await world.from_vneid(browser, answer)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.text != again.text
    subject = (await world.who_is(details))["subject_id"]
    assert [name for name, _ in await world.events(subject)].count("login-succeeded") == 1


async def test_consent_being_down_loses_no_login(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        answer = world.vneid.approve(await world.to_vneid(browser, city, details), make_person())
        world.consent.down = True
        page = await world.from_vneid(browser, answer)
        assert page.status_code == 503
        assert "thử lại" in page.text
        world.consent.down = False
        assert (await world.from_vneid(browser, answer)).status_code == 200


async def test_coming_back_undecided_leads_to_the_question_again(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.log_in(browser, details, make_person())
        flow_id = world.consent.opened[-1]["flow_id"]
        page = await browser.get(f"/identity/flows/{flow_id}/return")
    assert page.status_code == 200
    assert 'name="ticket"' in page.text


async def test_the_return_opens_only_in_her_browser(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser, world.http() as stranger:
        await world.log_in(browser, details, make_person())
        flow_id = world.consent.opened[-1]["flow_id"]
        world.consent.decide(flow_id, "person.pin")
        foreign = await stranger.get(f"/identity/flows/{flow_id}/return")
        missing = await stranger.get("/identity/flows/0199f3c2-7a00-7007-8a00-000000000007/return")
        assert (foreign.status_code, missing.status_code) == (404, 404)
        assert "code" in back(await browser.get(f"/identity/flows/{flow_id}/return"))


async def test_a_second_return_gets_no_second_code(world: World) -> None:
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        await world.decided(browser, world.city(), details, make_person(), "person.pin")
        again = await browser.get(f"/identity/flows/{world.consent.opened[-1]['flow_id']}/return")
    assert again.status_code == 403
    assert "đã kết thúc" in again.text


async def test_refusing_everything_still_returns_a_code_and_deletes_the_claims(world: World) -> None:
    """R4: any decision binds the party for good."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        answer = await world.decided(browser, city, details, make_person())
        token = (await city.trade(browser, answer["code"])).json()
    assert token["authorization_details"][0]["attributes"] == []
    who = await world.who_is(details)
    assert who["state"] == "bound"
    assert who["claims"][0]["state"] == "discarded"
    assert (await world.events(who["subject_id"]))[-1][1]["reason"] == "refused"
    left = "SELECT count(*) FROM claim_value WHERE claims_id = $1::uuid"
    assert await world.value(left, who["claims"][0]["claims_id"]) == 0


@pytest.mark.parametrize(("state", "reason"), [("abandoned", "refused"), ("lapsed", "lapsed")])
async def test_giving_up_frees_the_party_and_deletes_the_claims(world: World, state: str, reason: str) -> None:
    """R4: another person may then be this party."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        await world.log_in(browser, details, make_person(), city)
        flow_id = world.consent.opened[-1]["flow_id"]
        subject = world.consent.opened[-1]["subject_id"]
        world.consent.decide(flow_id, state=state)
        answer = back(await browser.get(f"/identity/flows/{flow_id}/return"))
        assert (answer["error"], answer["error_description"]) == ("access_denied", state)
        assert (await world.who_is(details))["state"] == "none"
        assert (await world.events(subject))[-1][1]["reason"] == reason
        assert (await world.log_in(browser, details, make_person(), city)).status_code == 200


async def test_another_person_is_no_party_that_is_taken(world: World) -> None:
    """R4, refusing: a party is one person."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser, world.http() as other:
        await world.log_in(browser, details, make_person(), city)
        answer = back(await world.log_in(other, details, make_person(), city))
    assert (answer["error"], answer["error_description"]) == ("access_denied", "party_mismatch")
    assert [data["reason"] for _, data in await world.events(details["dossier_uid"])] == ["party_mismatch"]


async def test_one_person_is_no_two_parties(world: World) -> None:
    """R4, refusing: a subject is at most one party of a dossier."""
    city, person, dossier = world.city(), make_person(), world.dossier()
    async with world.http() as browser:
        await world.log_in(browser, city.login(dossier), person, city)
        answer = back(await world.log_in(browser, city.login(dossier, party=1), person, city))
    assert answer["error_description"] == "party_mismatch"


async def test_what_consent_will_not_ask_is_refused_with_its_reason(world: World) -> None:
    """R3, refusing: the dossier was closed while she was at VNeID."""
    details = world.city().login(world.dossier())
    world.consent.refuses = "dossier_closed"
    async with world.http() as browser:
        answer = back(await world.log_in(browser, details, make_person()))
    assert (answer["error"], answer["error_description"]) == ("access_denied", "dossier_closed")
    assert (await world.who_is(details))["state"] == "none"


async def test_a_request_is_opened_by_many_browsers_but_leads_to_one_login(world: World) -> None:
    """RFC 9126: reuse of a request_uri before the login is tolerated, after it refused; another tab ends there too."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        address = await city.authorize_url(browser, details)
        doors = [(await browser.get(address)).headers["location"] for _ in range(2)]
        assert (await world.from_vneid(browser, world.vneid.approve(doors[0], make_person()))).status_code == 200
        late = await world.from_vneid(browser, world.vneid.approve(doors[1], make_person()))
        assert late.status_code == 403
        assert (await browser.get(address)).status_code == 403


@pytest.mark.parametrize(
    "change", [{"client_id": "business-system"}, {"request_uri": "urn:invented"}, {"client_id": ""}]
)
async def test_nobody_is_redirected_for_a_request_that_is_not_theirs(world: World, change: dict[str, Any]) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        pushed = (await city.push(browser, details)).json()
        query = {"client_id": "justice-system", "request_uri": pushed["request_uri"]} | change
        answer = await browser.get(f"/identity/authorize?{urlencode(query)}")
    assert answer.status_code == 403
    assert "location" not in answer.headers
