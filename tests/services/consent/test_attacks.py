"""Attacks on the way to the consent page and back that test_hand_over.py does not try: at one moment, and later."""

import asyncio

import pytest

from tests.services.consent.conftest import REDIRECT_ORIGIN, RETURN_URL, World
from tests.services.consent.test_hand_over import entered, item_ids, opened

pytestmark = pytest.mark.stack


async def test_double_submit_at_one_moment_decides_once(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        answers = dict.fromkeys(item_ids(page.text)[2:], "agreed")
        sent = await asyncio.gather(*(browser.submit(page, "decision", **answers) for _ in range(8)))
    assert {(answer.status_code, answer.headers.get("location")) for answer in sent} == {(303, RETURN_URL)}
    types = [type_ for type_, _ in await world.events(subject)]
    assert types == ["consent.requested.v1", "consent.decided.v1", "consent.granted.v1", "consent.granted.v1"]
    assert await world.value("SELECT count(*) FROM receipt WHERE subject_id = $1", subject) == 2


async def test_two_tabs_that_answer_at_one_moment_leave_one_answer(world: World) -> None:
    """One agrees, one gives up: whichever is first holds, and the other is told."""
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        answers = dict.fromkeys(item_ids(page.text)[2:], "agreed")
        one, two = await asyncio.gather(
            browser.submit(page, "decision", **answers), browser.submit(page, "abandonment")
        )
    assert sorted((one.status_code, two.status_code)) == [303, 409]
    ends = [type_ for type_, _ in await world.events(subject) if type_ in ENDS]
    assert len(ends) == 1
    assert (ends == ["consent.decided.v1"]) is (one.status_code == 303)


ENDS = ("consent.decided.v1", "consent.abandoned.v1", "consent.lapsed.v1")


async def test_ticket_posted_by_two_browsers_at_one_moment_opens_in_hers(world: World) -> None:
    async with world.browser() as mother, world.browser() as thief:
        _, _, told = await opened(world, mother)
        hers, stolen = await asyncio.gather(
            mother.post("/consent/entry", ticket=told["ticket"]), thief.post("/consent/entry", ticket=told["ticket"])
        )
        assert (hers.status_code, stolen.status_code) == (303, 404)
        assert (await thief.get(hers.headers["location"])).status_code == 404


async def test_ticket_stolen_with_the_hash_of_her_cookie_opens_nothing(world: World) -> None:
    """What identity tells consent of her browser is a hash: as a cookie it is somebody else's."""
    async with world.browser() as mother, world.browser() as thief:
        _, _, told = await opened(world, mother)
        thief.http.cookies.set("motlan", mother.hash[:43], domain="localhost.local")
        assert (await thief.post("/consent/entry", ticket=told["ticket"])).status_code == 404


async def test_ticket_in_an_address_opens_nothing(world: World) -> None:
    """A ticket is posted: in an address it would lie in histories and logs."""
    async with world.browser() as browser:
        _, _, told = await opened(world, browser)
        answer = await browser.get(f"/consent/entry?ticket={told['ticket']}")
        assert answer.status_code in (404, 405)
        assert (await browser.post("/consent/entry", ticket=told["ticket"])).status_code == 303


async def test_back_button_to_the_hand_over_after_an_answer_shows_that_it_is_given(world: World) -> None:
    async with world.browser() as browser:
        _, subject, told = await opened(world, browser)
        path = (await browser.post("/consent/entry", ticket=told["ticket"])).headers["location"]
        page = await browser.get(path)
        await browser.submit(page, "decision", **dict.fromkeys(item_ids(page.text)[2:], "refused"))
        again = await browser.post("/consent/entry", ticket=told["ticket"])
        assert (again.status_code, again.headers["location"]) == (303, path)
        assert "Bạn đã trả lời rồi" in (await browser.get(path)).text
    assert [type_ for type_, _ in await world.events(subject)].count("consent.decided.v1") == 1


async def test_forwarded_link_answered_by_a_friend_decides_nothing(world: World) -> None:
    """Even with the form and its token as she was shown them."""
    async with world.browser() as mother, world.browser() as friend:
        path, subject = await entered(world, mother)
        page = await mother.get(path)
        answers = dict.fromkeys(item_ids(page.text)[2:], "agreed")
        assert (await friend.submit(page, "decision", **answers)).status_code in (403, 404)
        assert (await friend.submit(page, "abandonment")).status_code in (403, 404)
    assert [type_ for type_, _ in await world.events(subject)] == ["consent.requested.v1"]


async def test_answer_sent_from_another_site_decides_nothing(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        await browser.get(path)
        for headers in ({"origin": REDIRECT_ORIGIN, "sec-fetch-site": "cross-site"}, {"origin": "null"}, {}):
            foreign = await browser.http.post(f"{path}/decision", data={"i0": "agreed"}, headers=headers)
            assert foreign.status_code == 403
    assert [type_ for type_, _ in await world.events(subject)] == ["consent.requested.v1"]
