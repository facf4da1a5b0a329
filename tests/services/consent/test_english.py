"""Every page of consent in English: whole, found again by its switch, and of the same effect."""

import re
from html import unescape
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest

from shared import ids
from tests.services.consent.conftest import Browser, World
from tests.services.consent.granting import based_on_law, consented
from tests.services.consent.handing_over import entered, item_ids
from tests.services.consent.test_mine import AGENCY, OFFICER, heard, make_release
from tests.shared.credentials import ORIGIN
from tests.shared.english import vietnamese_in

pytestmark = pytest.mark.stack


def switch_of(page: httpx2.Response) -> str:
    """Return where the link to the other language leads."""
    found = re.search(r'hreflang="(?:en|vi)" href="([^"]+)"', page.text)
    assert found, page.text
    return urljoin(str(page.url), unescape(found[1])).removeprefix(ORIGIN)


async def in_english(browser: Browser, page: httpx2.Response) -> httpx2.Response:
    """Follow the switch of a Vietnamese page; what it leads to must be English from top to bottom."""
    assert '<html lang="vi">' in page.text
    english = await browser.get(switch_of(page))
    assert_english(english)
    return english


def assert_english(page: httpx2.Response) -> None:
    """See that nothing Vietnamese is left but what is marked as such."""
    assert '<html lang="en">' in page.text
    assert page.headers["content-language"] == "en"
    assert vietnamese_in(page.text) == []


async def test_the_question_is_asked_and_answered_in_english(world: World) -> None:
    async with world.browser() as browser:
        path, _ = await entered(world, browser)
        page = await in_english(browser, await browser.get(path))
        assert "Confirm the use of your data for your application" in page.text
        assert "I do not agree" in page.text
        missing = await browser.submit(page, "decision")
        assert missing.status_code == 422
        assert "You have not answered this yet." in missing.text
        assert_english(missing)
        assert switch_of(missing) == f"{path}?lang=vi"
        answers = {item: "agreed" for item in item_ids(missing.text) if f'name="{item}" value="agreed"' in missing.text}
        assert (await browser.submit(missing, "decision", **answers)).status_code == 303
        other = await browser.submit(missing, "decision", **dict.fromkeys(answers, "refused"))
        assert other.status_code == 409
        assert "You have answered already" in other.text
        assert_english(other)
        back = await browser.get(switch_of(other))
    assert "Bạn đã trả lời rồi" in back.text


async def test_what_she_gave_up_says_so_in_english(world: World) -> None:
    async with world.browser() as browser:
        path, _ = await entered(world, browser)
        await browser.submit(await browser.get(path), "abandonment")
        page = await in_english(browser, await browser.get(path))
    assert "You stopped this application" in page.text


async def test_a_question_whose_time_is_over_says_so_in_english(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE consent_request SET lapses_at = clock_timestamp() WHERE subject_id = $1", subject)
        page = await in_english(browser, await browser.get(path))
    assert "The time to answer is over" in page.text
    assert "Back to where you file your application" in page.text


async def test_her_own_pages_are_english_from_the_login_to_the_receipt(world: World) -> None:
    subject = ids.new()
    kept, law = await consented(world, subject), await based_on_law(world, subject)
    for type_, data in _told(str(law.grant_id)):
        await heard(world, type_, subject, {"subject_id": str(subject), "dossier_uid": str(ids.new())} | data)
    await heard(world, "reuse.released.v1", subject, make_release(subject, grant_ids=[str(kept.grant_id)]))
    async with world.browser() as browser:
        await in_english(browser, await browser.get("/consent/me"))
        await world.logged_in(browser, subject)
        assert next(each for each in reversed(world.identity.pushed) if "state" in each)["ui_locales"] == "en"
        mine = await browser.get("/consent/me")
        for words in (
            "Looked up in the source database",
            "In force",
            "This cannot be withdrawn",
            "For the application",
        ):
            assert words in mine.text
        assert f'<span lang="vi">{AGENCY["name"]}</span>' in mine.text
        asked = await browser.get(f"/consent/grants/{kept.grant_id}/withdrawal")
        done = await browser.submit(asked, "withdrawal")
        receipt = await browser.get(done.headers["location"])
        assert "Receipt of your withdrawal" in receipt.text
        withdrawn = await browser.get("/consent/me")
        assert "You withdrew at" in withdrawn.text
        refused = await browser.get(f"/consent/grants/{law.grant_id}/withdrawal")
        more = await browser.get(f"/consent/me/grants?after={kept.grant_id}&withdrawable=true")
        assert "This cannot be withdrawn" in more.text
        newest = await world.value(
            "SELECT event_id FROM data_use WHERE subject_id = $1 ORDER BY at DESC LIMIT 1", subject
        )
        older = await browser.get(f"/consent/me/uses?after={newest}")
        for page in (mine, asked, receipt, withdrawn, refused, more, older):
            assert_english(page)
        back = await browser.get(switch_of(receipt))
    assert "Biên nhận rút lại" in back.text


async def test_a_spent_ticket_is_told_in_english_without_being_tried_again(world: World) -> None:
    async with world.browser() as browser:
        page = await browser.post("/consent/entry", ticket="none")
        english = await in_english(browser, page)
        assert "This step has expired" in english.text
        back = await browser.get(switch_of(english))
    assert "Đường dẫn này đã hết hạn" in back.text


def _told(grant_id: str) -> list[tuple[str, dict[str, Any]]]:
    looked_up = {"attributes": ["marriage.record"], "outcome": "found", "grant_id": grant_id}
    who = {"actor": OFFICER, "agency": AGENCY}
    return [
        ("reuse.looked-up.v1", looked_up | who),
        ("reuse.release-withheld.v1", {"release_id": "r", "reason": "late"}),
        ("reuse.deposited.v1", {"attribute": "birth.certificate"} | who),
        ("reuse.evidence-deleted.v1", {"attribute": "person.pin", "reason": "last_holding_ended"}),
        ("identity.login-succeeded.v1", {"agency_uid": "ag-000101"}),
        ("identity.party-identified.v1", {"method": "officer_check", "agency_uid": "ag-000101", "actor": OFFICER}),
    ]
