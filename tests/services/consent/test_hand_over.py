"""The consent hand-off: a request is opened inside, answered once on its page, and read back."""

from datetime import timedelta

import pytest

from services.consent.domain.ids import PartyUid
from services.consent.service import request as requests
from shared import clock, ids
from tests.services.consent.conftest import RETURN_URL, World
from tests.services.consent.factories import make_component, make_dossier, make_rule
from tests.services.consent.handing_over import entered, item_ids, make_application, opened

pytestmark = pytest.mark.stack


async def test_a_login_becomes_a_page_an_answer_grants_receipts_and_events(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        assert page.status_code == 200
        told, asked = page.text.split("Dữ liệu chỉ được dùng khi bạn đồng ý")
        assert "Ủy ban nhân dân phường Hồng An" in told
        assert "Nghị định 123/2015/NĐ-CP Điều 9" in told
        assert "Thông tin đăng ký kết hôn" in told
        assert "checked" not in page.text
        _, second, *keeping = item_ids(page.text)
        assert "Giữ lại thông tin đã xác thực cho thủ tục sau" in asked
        answers = {second: "self_submit"} | dict.fromkeys(keeping, "agreed")
        answer = await browser.submit(page, "decision", **answers)
        assert (answer.status_code, answer.headers["location"]) == (303, RETURN_URL)
    types = [type_ for type_, _ in await world.events(subject)]
    assert types == ["consent.requested.v1", "consent.decided.v1", "consent.granted.v1", "consent.granted.v1"]
    _, (_, decided), (_, law), (_, keep) = await world.events(subject)
    assert {each["item_id"]: each["answer"] for each in decided["answers"]}[second] == "self_submit"
    assert law["grant"]["attributes"] == ["person.full_name", "person.pin"]
    assert law["grant"]["opted_out"] == ["marriage.record"]
    assert (keep["grant"]["scope"], keep["grant"]["client_id"]) == ("retention", None)
    assert await world.value("SELECT count(*) FROM receipt WHERE subject_id = $1", subject) == 2


async def test_identity_reads_the_decision_back(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        first, _, *keeping = item_ids(page.text)
        request_id = path.rpartition("/")[2]
        before = await world.call("identity", "GET", f"/internal/requests/{request_id}/decision")
        assert before.json() == {
            "request_id": request_id, "state": "requested", "granted_attributes": [], "grant_ids": [],
        }  # fmt: skip
        await browser.submit(page, "decision", **{first: "self_submit"} | dict.fromkeys(keeping, "refused"))
    after = (await world.call("identity", "GET", f"/internal/requests/{request_id}/decision")).json()
    assert (after["state"], after["granted_attributes"]) == ("decided", ["marriage.record"])
    ((_, law),) = [event for event in await world.events(subject) if event[0] == "consent.granted.v1"]
    assert after["grant_ids"] == [law["grant"]["grant_id"]]


async def test_refusing_everything_is_still_a_decision(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        first, second, *keeping = item_ids(page.text)
        refusal = {first: "self_submit", second: "self_submit"} | dict.fromkeys(keeping, "refused")
        answer = await browser.submit(page, "decision", **refusal)
    assert answer.headers["location"] == RETURN_URL
    decision = (await world.call("identity", "GET", f"/internal/requests/{path.rpartition('/')[2]}/decision")).json()
    assert (decision["state"], decision["granted_attributes"]) == ("decided", [])
    law = (await world.events(subject))[-1][1]["grant"]
    assert (law["attributes"], law["opted_out"]) == ([], ["marriage.record", "person.full_name", "person.pin"])


async def test_giving_up_is_the_only_abandonment_and_grants_nothing(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        answer = await browser.submit(await browser.get(path), "abandonment")
        assert (answer.status_code, answer.headers["location"]) == (303, RETURN_URL)
    assert [type_ for type_, _ in await world.events(subject)] == ["consent.requested.v1", "consent.abandoned.v1"]
    assert await world.value("SELECT count(*) FROM consent_grant WHERE subject_id = $1", subject) == 0


async def test_an_unanswered_question_is_asked_again_and_nothing_is_decided(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        first, *_ = item_ids(page.text)
        answer = await browser.submit(page, "decision", **{first: "self_submit"})
        assert answer.status_code == 422
        assert "Còn mục chưa trả lời" in answer.text
        assert "checked" in answer.text
    assert [type_ for type_, _ in await world.events(subject)] == ["consent.requested.v1"]


async def test_the_same_flow_asked_twice_is_one_request_with_a_fresh_ticket(world: World) -> None:
    async with world.browser() as browser:
        dossier, subject = make_application(), ids.new()
        world.reuse.knows(dossier)
        login = world.login(dossier, browser.hash, subject)
        first = (await world.call("identity", "POST", "/internal/requests", login)).json()
        again = (await world.call("identity", "POST", "/internal/requests", login)).json()
        other = await world.call("identity", "POST", "/internal/requests", login | {"subject_id": str(ids.new())})
    assert first["request_id"] == again["request_id"]
    assert first["ticket"] != again["ticket"]
    assert (other.status_code, other.json()["code"]) == (409, "flow_reused")
    assert len(await world.events(subject)) == 1


async def test_an_answer_after_thirteen_minutes_is_too_late_and_says_so(world: World) -> None:
    async with world.browser() as browser:
        long_ago = (clock.now() - timedelta(minutes=12, seconds=59)).isoformat()
        path, subject = await entered(world, browser, auth_time=long_ago)
        page = await browser.get(path)
        async with world.db.transaction() as tx:
            await tx.execute("UPDATE consent_request SET lapses_at = clock_timestamp() WHERE subject_id = $1", subject)
        late = await browser.submit(page, "decision", **dict.fromkeys(item_ids(page.text)[2:], "refused"))
        assert late.status_code == 409
        assert "Đã quá thời gian trả lời" in late.text
    assert [type_ for type_, _ in await world.events(subject)] == ["consent.requested.v1", "consent.lapsed.v1"]


async def test_a_request_nobody_answers_lapses_by_the_timer(world: World) -> None:
    async with world.browser() as browser:
        _, subject, told = await opened(world, browser)
    await requests.lapse_overdue(world.db, clock.now() + timedelta(minutes=13))
    assert [type_ for type_, _ in await world.events(subject)] == ["consent.requested.v1", "consent.lapsed.v1"]
    read = await world.call("identity", "GET", f"/internal/requests/{told['request_id']}/decision")
    assert read.json()["state"] == "lapsed"


async def test_what_she_keeps_already_is_not_asked_again(world: World) -> None:
    async with world.browser() as browser:
        path, subject = await entered(world, browser)
        page = await browser.get(path)
        await browser.submit(page, "decision", **dict.fromkeys(item_ids(page.text)[2:], "agreed"))
        dossier = make_application()
        world.reuse.knows(dossier)
        told = await world.call("identity", "POST", "/internal/requests", world.login(dossier, browser.hash, subject))
        entry = await browser.post("/consent/entry", ticket=told.json()["ticket"])
        again = await browser.get(entry.headers["location"])
        assert "Dữ liệu chỉ được dùng khi bạn đồng ý" not in again.text
        assert len(item_ids(again.text)) == 2


async def test_a_second_login_in_one_dossier_stands_on_the_same_grant(world: World) -> None:
    async with world.browser() as browser:
        dossier, subject = make_application(), ids.new()
        world.reuse.knows(dossier)
        read: list[list[str]] = []
        for _ in range(2):
            told = await world.call(
                "identity", "POST", "/internal/requests", world.login(dossier, browser.hash, subject)
            )
            entry = await browser.post("/consent/entry", ticket=told.json()["ticket"])
            page = await browser.get(entry.headers["location"])
            await browser.submit(page, "decision", **dict.fromkeys(item_ids(page.text)[2:], "refused"))
            decision = f"/internal/requests/{told.json()['request_id']}/decision"
            read.append((await world.call("identity", "GET", decision)).json()["grant_ids"])
    assert read[0] == read[1]
    assert len(read[0]) == 1


async def test_r7_more_than_the_procedure_asks_is_refused(world: World) -> None:
    async with world.browser() as browser:
        dossier = make_application()
        world.reuse.knows(dossier)
        login = world.login(dossier, browser.hash, ids.new(), attributes=["person.pin", "person.religion"])
        answer = await world.call("identity", "POST", "/internal/requests", login)
    assert (answer.status_code, answer.json()["code"]) == (422, "attribute_not_allowed")


async def test_r12_a_child_is_not_asked_alone(world: World) -> None:
    async with world.browser() as browser:
        dossier = make_application()
        world.reuse.knows(dossier)
        login = world.login(dossier, browser.hash, ids.new(), capacity="both")
        answer = await world.call("identity", "POST", "/internal/requests", login)
    assert (answer.status_code, answer.json()["code"]) == (409, "representation_required")


async def test_r3_a_closed_dossier_is_not_asked_about(world: World) -> None:
    async with world.browser() as browser:
        dossier = make_application()
        world.reuse.knows(dossier, state="closed")
        login = world.login(dossier, browser.hash, ids.new())
        answer = await world.call("identity", "POST", "/internal/requests", login)
    assert (answer.status_code, answer.json()["code"]) == (409, "dossier_closed")


async def test_without_reuse_nothing_is_stored(world: World) -> None:
    world.reuse.down = True
    try:
        async with world.browser() as browser:
            subject = ids.new()
            login = world.login(make_application(), browser.hash, subject)
            answer = await world.call("identity", "POST", "/internal/requests", login)
    finally:
        world.reuse.down = False
    assert answer.status_code == 503
    assert await world.events(subject) == []


async def test_only_identity_opens_requests(world: World) -> None:
    async with world.browser() as browser:
        login = world.login(make_application(), browser.hash, ids.new())
        answer = await world.call("reuse", "POST", "/internal/requests", login)
    assert (answer.status_code, answer.json()["code"]) == (403, "caller_not_allowed")


async def test_two_rule_versions_give_two_grants(world: World) -> None:
    async with world.browser() as browser:
        base = make_dossier()
        mother = PartyUid(base.parties[0].party_uid)
        components = (
            make_component(mother, "person.pin"),
            make_component(mother, "marriage.record", rule=make_rule(id="other-rule")),
        )
        dossier = make_dossier(parties=base.parties, components=components)
        world.reuse.knows(dossier)
        subject = ids.new()
        told = await world.call("identity", "POST", "/internal/requests", world.login(dossier, browser.hash, subject))
        entry = await browser.post("/consent/entry", ticket=told.json()["ticket"])
        page = await browser.get(entry.headers["location"])
        await browser.submit(page, "decision", **dict.fromkeys(item_ids(page.text)[2:], "refused"))
    rules = [data["grant"]["rule_id"] for type_, data in await world.events(subject) if type_ == "consent.granted.v1"]
    assert rules == ["birth-registration", "other-rule"]
