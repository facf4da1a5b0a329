"""The consent hand-off in the hands of browsers: stolen, forwarded, reloaded, doubled, gone back to."""

import re
from datetime import timedelta

import pytest

from services.consent.service import request as requests
from shared import clock, ids
from tests.services.consent.conftest import REDIRECT_ORIGIN, RETURN_URL, World
from tests.services.consent.handing_over import entered, item_ids, make_application, opened

pytestmark = pytest.mark.stack


async def test_a_stolen_ticket_opens_nothing_and_is_not_spent(world: World) -> None:
    async with world.browser() as mother, world.browser() as thief:
        _, _, told = await opened(world, mother)
        stolen = await thief.post("/consent/entry", ticket=told["ticket"])
        assert stolen.status_code == 404
        assert "Đường dẫn này đã hết hạn" in stolen.text
        assert (await mother.post("/consent/entry", ticket=told["ticket"])).status_code == 303


async def test_a_ticket_lives_a_minute(world: World) -> None:
    async with world.browser() as browser:
        _, _, told = await opened(world, browser)
        browser_hash = bytes.fromhex(browser.hash)
        late = clock.now() + timedelta(seconds=61)
        async with world.db.transaction() as tx:
            with pytest.raises(requests.TicketSpent):
                await requests.enter(tx, ticket=told["ticket"], browser_hash=browser_hash, now=late)


async def test_an_invented_ticket_opens_nothing(world: World) -> None:
    async with world.browser() as browser:
        assert (await browser.post("/consent/entry", ticket="x" * 43)).status_code == 404


async def test_a_ticket_from_another_site_is_not_taken(world: World) -> None:
    async with world.browser() as browser:
        _, _, told = await opened(world, browser)
        foreign = await browser.http.post(
            "/consent/entry", data={"ticket": told["ticket"]}, headers={"origin": "https://evil.invalid"}
        )
    assert foreign.status_code == 403


async def test_a_reload_of_the_hand_over_leads_to_the_same_page(world: World) -> None:
    async with world.browser() as browser:
        _, _, told = await opened(world, browser)
        first = await browser.post("/consent/entry", ticket=told["ticket"])
        again = await browser.post("/consent/entry", ticket=told["ticket"])
        assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])


async def test_a_forwarded_link_opens_nothing_elsewhere(world: World) -> None:
    async with world.browser() as mother, world.browser() as friend:
        path, _ = await entered(world, mother)
        foreign, missing = await friend.get(path), await friend.get(f"/consent/requests/{ids.new()}")
        assert foreign.status_code == missing.status_code == 404
        assert "Không mở được trang này ở đây" in foreign.text
        told = [re.sub(r"[0-9a-f]{32}", "the trace", page.text) for page in (foreign, missing)]
        assert told[0] == told[1]


async def test_a_double_submit_leads_back_once_more_and_decides_once(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        answers = dict.fromkeys(item_ids(page.text)[2:], "agreed")
        first = await browser.submit(page, "decision", **answers)
        second = await browser.submit(page, "decision", **answers)
        assert first.headers["location"] == second.headers["location"] == RETURN_URL
    assert [type_ for type_, _ in await world.events(subject)].count("consent.decided.v1") == 1


async def test_of_two_tabs_the_first_answer_holds_and_the_second_is_told(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        one, two = await browser.get(path), await browser.get(path)
        keeping = item_ids(one.text)[2:]
        await browser.submit(one, "decision", **dict.fromkeys(keeping, "refused"))
        second = await browser.submit(two, "decision", **dict.fromkeys(keeping, "agreed"))
        assert second.status_code == 409
        assert "Câu trả lời đầu tiên của bạn" in second.text
        gave_up = await browser.submit(two, "abandonment")
        assert gave_up.status_code == 409
    grants = [data["grant"] for type_, data in await world.events(subject) if type_ == "consent.granted.v1"]
    assert [grant["kind"] for grant in grants] == ["legal_basis"]


async def test_the_back_button_after_an_answer_shows_that_it_is_given(world: World) -> None:
    async with world.browser() as browser:
        path, _ = await entered(world, browser)
        page = await browser.get(path)
        await browser.submit(page, "decision", **dict.fromkeys(item_ids(page.text)[2:], "refused"))
        back = await browser.get(path)
        assert "Bạn đã trả lời rồi" in back.text
        assert RETURN_URL in back.text


async def test_a_form_without_its_token_is_foreign(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        assert (await browser.post(f"{path}/decision", csrf="x")).status_code == 403
    assert len(await world.events(subject)) == 1


async def test_the_page_lets_its_form_lead_to_the_asking_system_and_to_nobody_else(world: World) -> None:
    async with world.browser() as browser:
        path, _ = await entered(world, browser)
        policy = (await browser.get(path)).headers["content-security-policy"]
    assert f"form-action 'self' {REDIRECT_ORIGIN};" in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "changes",
    [
        {"return_url": "https://evil.invalid/identity/return"},
        {"return_url": "http://localhost:8080/elsewhere"},
        {"return_url": "http://["},
        {"redirect_origin": "https://city.invalid/path"},
        {"redirect_origin": "http://city.invalid"},
    ],
)
async def test_the_browser_is_sent_nowhere_else(world: World, changes: dict[str, str]) -> None:
    async with world.browser() as browser:
        login = world.login(make_application(), browser.hash, ids.new()) | changes
        answer = await world.call("identity", "POST", "/internal/requests", login)
    assert (answer.status_code, answer.json()["code"]) == (422, "foreign_address")
