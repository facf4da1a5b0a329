"""Her own page behind her own login: what stands, who used her data, and the way to withdraw."""

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from joserfc import jwt

from services.consent.consumer import HANDLERS
from services.consent.domain.ids import DossierUid
from services.consent.store import uses
from shared import clock, ids
from shared.events import Received
from tests.services.consent.conftest import Browser, World
from tests.services.consent.factories import make_dossier
from tests.services.consent.granting import based_on_law, consented

pytestmark = pytest.mark.stack

AGENCY = {"uid": "ag-000101", "name": "Ủy ban nhân dân phường Hồng An"}
OFFICER = {"kind": "officer", "ref": "off-7", "position": "Công chức tư pháp - hộ tịch"}


async def heard(world: World, type_: str, key: UUID | str, data: Mapping[str, Any]) -> None:
    """Take in an event as the consumer does once source, signature and inbox are checked."""
    event = Received(type_.split(".")[0], type_, ids.new(), str(key), clock.now(), 1, 0, 0, data, b"", b"", "")
    async with world.db.transaction() as tx:
        await HANDLERS[type_](tx, event)


def make_release(subject_id: UUID, **changes: Any) -> dict[str, Any]:
    return {
        "release_id": str(ids.new()),
        "subject_id": str(subject_id),
        "sub": "pairwise-mother-01",
        "dossier_uid": str(ids.new()),
        "party_uid": str(ids.new()),
        "client_id": "justice-system",
        "agency": AGENCY,
        "actor": OFFICER,
        "components": [],
        "attributes": ["person.full_name"],
        "grant_ids": [],
        "holding_ids": [],
        "evidence_ids": [],
        "procedure": "1.001193",
        "authorised_at": "2026-03-02T03:04:05.000006Z",
        "replay_of": None,
    } | changes


async def her_page(world: World, browser: Browser, subject: UUID) -> str:
    await world.logged_in(browser, subject)
    page = await browser.get("/consent/me")
    assert page.status_code == 200
    return page.text


async def test_who_is_not_logged_in_is_shown_the_way_to_log_in(world: World) -> None:
    async with world.browser() as browser:
        page = await browser.get("/consent/me")
    assert "/consent/login" in page.text
    assert "Đăng nhập bằng VNeID" in page.text


async def test_she_sees_agency_position_data_and_basis_but_never_the_officers_reference(world: World) -> None:
    subject = ids.new()
    law = await based_on_law(world, subject)
    assert law.recipient is not None
    dossier = make_dossier(dossier_uid=DossierUid(ids.new()))
    async with world.db.transaction() as tx:
        await uses.know_dossier(tx, dossier)
    release = make_release(subject, grant_ids=[str(law.grant_id)], dossier_uid=str(dossier.dossier_uid))
    await heard(world, "reuse.released.v1", subject, release)
    async with world.browser() as browser:
        page = await her_page(world, browser, subject)
    used = page.split('id="uses"')[1]
    for words in (AGENCY["name"], OFFICER["position"], "Họ, chữ đệm và tên", "NĐ 123/2015", "Đăng ký khai sinh"):
        assert words in used
    assert "10:04 ngày 02/03/2026" in used
    assert "off-7" not in page


async def test_a_verdict_that_comes_before_its_release_is_shown_with_it(world: World) -> None:
    subject, release_id = ids.new(), str(ids.new())
    verdict = {
        "dossier_uid": str(ids.new()), "component_id": "c", "release_id": release_id, "verdict_id": str(ids.new()),
        "reason": None, "agency": AGENCY, "actor": OFFICER,
    }  # fmt: skip
    await heard(world, "reuse.accepted.v1", str(verdict["dossier_uid"]), verdict)
    await heard(world, "reuse.released.v1", subject, make_release(subject, release_id=release_id))
    async with world.browser() as browser:
        assert "đã chấp nhận dữ liệu thay cho một giấy tờ: bạn không phải nộp giấy tờ đó" in await her_page(
            world, browser, subject
        )


@pytest.mark.parametrize(
    ("type_", "data", "words"),
    [
        (
            "reuse.looked-up.v1",
            {
                "attributes": ["marriage.record"],
                "outcome": "found",
                "actor": OFFICER,
                "agency": AGENCY,
                "grant_id": None,
            },
            "Tra cứu tại cơ sở dữ liệu nguồn",
        ),
        ("reuse.release-withheld.v1", {"release_id": "r", "reason": "late"}, "Đã dừng gửi"),
        (
            "reuse.deposited.v1",
            {"attribute": "birth.certificate", "agency": AGENCY, "actor": OFFICER},
            "Giấy khai sinh",
        ),
        (
            "reuse.evidence-deleted.v1",
            {"attribute": "person.pin", "reason": "last_holding_ended"},
            "Xóa dữ liệu đã lưu",
        ),
        ("identity.login-succeeded.v1", {"agency_uid": "ag-000101"}, "Bạn đăng nhập bằng VNeID"),
        (
            "identity.party-identified.v1",
            {"method": "officer_check", "agency_uid": "ag-000101", "actor": OFFICER},
            "Cán bộ kiểm tra giấy tờ của bạn tại quầy",
        ),
    ],
)
async def test_each_use_has_its_words(world: World, type_: str, data: dict[str, Any], words: str) -> None:
    subject = ids.new()
    await heard(world, type_, subject, {"subject_id": str(subject), "dossier_uid": str(ids.new())} | data)
    async with world.browser() as browser:
        used = (await her_page(world, browser, subject)).split('id="uses"')[1]
    assert words in used
    assert AGENCY["name"] in used or "agency" not in str(data)


async def test_what_her_page_has_no_room_for_is_a_link_away_and_each_thing_is_shown_once(world: World) -> None:
    subject = ids.new()
    law = [await based_on_law(world, subject) for _ in range(30)]
    agreed = [await consented(world, subject) for _ in range(15)]
    releases = [make_release(subject, grant_ids=[str(law[0].grant_id)]) for _ in range(120)]
    for release in releases:
        await heard(world, "reuse.released.v1", subject, release)
    async with world.browser() as browser:
        first = await her_page(world, browser, subject)
        standing = re.findall(r'id="grant-([0-9a-f-]{36})"', first)
        assert set(standing[:15]) == {str(each.grant_id) for each in agreed}
        pages = [first, *await follow(browser, first, "/consent/me/grants")]
        assert len(pages) == 3
        shown = [found for page in pages for found in re.findall(r'id="grant-([0-9a-f-]{36})"', page)]
        assert sorted(shown) == sorted(str(each.grant_id) for each in (*law, *agreed))
        pages = [first, *await follow(browser, first, "/consent/me/uses")]
        assert [page.count('<li class="box">') for page in pages] == [50, 50, 20]
        assert all(page.count("NĐ 123/2015") >= 20 for page in pages)


async def test_what_she_can_withdraw_is_not_skipped_when_the_last_one_shown_ends_meanwhile(world: World) -> None:
    subject = ids.new()
    agreed = {str((await consented(world, subject)).grant_id) for _ in range(25)}
    async with world.browser() as browser:
        first = await her_page(world, browser, subject)
        seen = re.findall(r'id="grant-([0-9a-f-]{36})"', first)
        asked = await browser.get(f"/consent/grants/{seen[-1]}/withdrawal")
        assert (await browser.submit(asked, "withdrawal")).status_code == 303
        rest = await follow(browser, first, "/consent/me/grants")
        seen += [found for page in rest for found in re.findall(r'id="grant-([0-9a-f-]{36})"', page)]
        assert agreed <= set(seen)


async def test_behind_what_is_not_hers_there_is_nothing(world: World) -> None:
    mine, other = ids.new(), ids.new()
    await based_on_law(world, mine)
    foreign = await based_on_law(world, other)
    await heard(world, "reuse.released.v1", mine, make_release(mine))
    await heard(world, "reuse.released.v1", other, make_release(other))
    theirs = await world.value("SELECT event_id FROM data_use WHERE subject_id = $1", other)
    async with world.browser() as browser:
        await world.logged_in(browser, mine)
        assert (
            "Không còn mục nào."
            in (await browser.get(f"/consent/me/grants?after={foreign.grant_id}&withdrawable=true")).text
        )
        assert "Không còn lần dùng nào." in (await browser.get(f"/consent/me/uses?after={theirs}")).text
        for kind in ("grants", "uses"):
            assert (await browser.get(f"/consent/me/{kind}?after=x")).status_code == 422
            assert (await browser.get(f"/consent/me/{kind}")).status_code == 422
    async with world.browser() as nobody:
        assert (await nobody.get(f"/consent/me/uses?after={theirs}")).status_code == 401


async def follow(browser: Browser, page: str, path: str) -> list[str]:
    """Open what comes next, and next again, to the end."""
    found: list[str] = []
    while link := re.search(rf'href="({path}\?after=[^"]+)"', page):
        answer = await browser.get(unescape(link[1]))
        assert answer.status_code == 200
        found.append(page := answer.text)
    return found


def example_of(type_: str) -> bytes:
    return Path(f"contracts/events/{type_}.example.json").read_bytes()


@pytest.mark.parametrize("type_", HANDLERS)
async def test_the_published_example_of_each_event_is_taken_in(world: World, type_: str) -> None:
    example = orjson.loads(example_of(type_))
    await heard(world, type_, example["partitionkey"], example["data"])


async def test_she_sees_nobody_elses_uses(world: World) -> None:
    subject = ids.new()
    await heard(world, "reuse.released.v1", subject, make_release(subject))
    async with world.browser() as browser:
        assert "Chưa có lần dùng nào" in await her_page(world, browser, ids.new())


async def test_r11_a_closed_dossier_ends_its_rights_of_law_and_leaves_consents(world: World) -> None:
    subject = ids.new()
    law, kept = await based_on_law(world, subject), await consented(world, subject)
    assert law.recipient is not None
    uid = str(law.recipient.dossier_uid)
    await heard(world, "reuse.dossier-closed.v1", uid, {"dossier_uid": uid, "outcome": "granted", "actor": OFFICER})
    states = {data["grant"]["grant_id"]: data["grant"]["state"] for _, data in await world.events(subject)}
    assert states == {str(law.grant_id): "ended", str(kept.grant_id): "granted"}


async def test_she_withdraws_by_a_form_and_gets_a_signed_receipt_that_names_the_moment(world: World) -> None:
    subject = ids.new()
    kept = await consented(world, subject)
    async with world.browser() as browser:
        assert f"/consent/grants/{kept.grant_id}/withdrawal" in await her_page(world, browser, subject)
        asked = await browser.get(f"/consent/grants/{kept.grant_id}/withdrawal")
        done = await browser.submit(asked, "withdrawal")
        again = await browser.submit(asked, "withdrawal")
        assert done.status_code == again.status_code == 303
        assert done.headers["location"] == again.headers["location"]
        shown = await browser.get(done.headers["location"])
        moment = await world.value("SELECT effective_by FROM consent_grant WHERE grant_id = $1", kept.grant_id)
        assert moment.isoformat() in shown.text
        signed = await browser.http.get(f"/consent/receipts/{done.headers['location'].rpartition('/')[2]}")
        page = await browser.get("/consent/me")
    assert jwt.decode(signed.text, world.parts.signer.key.jwk, algorithms=["ES256"]).claims["record_id"] == str(
        kept.grant_id
    )
    assert "Bạn đã rút lại" in page.text
    assert str(subject) not in page.text


async def test_until_it_is_confirmed_her_page_says_that_the_moment_is_being_confirmed(world: World) -> None:
    subject = ids.new()
    kept = await consented(world, subject)
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE consent_grant SET state = 'withdrawn', withdrawn_at = now(), version = 2 WHERE grant_id = $1",
            kept.grant_id,
        )
    async with world.browser() as browser:
        assert "đang được xác nhận" in await her_page(world, browser, subject)


async def test_r10_what_stands_on_law_has_no_button_and_the_answer_says_why(world: World) -> None:
    subject = ids.new()
    law = await based_on_law(world, subject)
    async with world.browser() as browser:
        page = await her_page(world, browser, subject)
        assert f"/consent/grants/{law.grant_id}/withdrawal" not in page
        assert "Mục này không rút lại được" in page
        answer = await browser.get(f"/consent/grants/{law.grant_id}/withdrawal")
    assert answer.status_code == 409
    assert "Pháp luật cho phép cơ quan dùng dữ liệu này" in answer.text


async def test_a_strangers_grant_and_receipt_are_as_if_missing(world: World) -> None:
    kept = await consented(world, ids.new())
    async with world.browser() as browser:
        await world.logged_in(browser, ids.new())
        for path in (f"/consent/grants/{kept.grant_id}/withdrawal", f"/consent/me/receipts/{kept.receipt_id}"):
            assert (await browser.get(path)).status_code == 404
        assert (await browser.http.get(f"/consent/receipts/{kept.receipt_id}")).status_code == 404


async def test_without_a_session_nothing_is_withdrawn(world: World) -> None:
    kept = await consented(world, ids.new())
    async with world.browser() as browser:
        await world.logged_in(browser, kept.subject_id)
        asked = await browser.get(f"/consent/grants/{kept.grant_id}/withdrawal")
        await browser.submit(await browser.get("/consent/me"), "logout")
        answer = await browser.submit(asked, "withdrawal")
    assert answer.status_code == 401
    assert "Bạn cần đăng nhập lại" in answer.text


async def test_another_sites_form_withdraws_nothing(world: World) -> None:
    kept = await consented(world, ids.new())
    async with world.browser() as browser:
        await world.logged_in(browser, kept.subject_id)
        answer = await browser.post(f"/consent/grants/{kept.grant_id}/withdrawal", csrf="guessed")
    assert answer.status_code == 403
    assert len(await world.events(kept.subject_id)) == 1
