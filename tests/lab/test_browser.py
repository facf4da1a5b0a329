"""A person with a real browser, over TLS through the edge: the whole way, and what goes wrong on it."""

import asyncio
import os
from uuid import UUID

from playwright.async_api import Browser, Locator, Page

from infra.compose.project import project_of
from tests.lab.browser import CITY, ORIGIN
from tests.lab.looking import go_to, violations_of, width_of
from tests.lab.visiting import (
    NAME,
    NOTHING,
    TELEPHONE,
    Visitor,
    choose,
    come_to_the_question,
    first_withdrawal,
    items,
    log_in,
    send,
    switch,
    until_told,
    visitor,
    walk,
    watch,
)

ANSWERED = "h1:text-is('Bạn đã trả lời rồi')"


async def test_she_goes_from_the_city_system_to_the_receipt_of_her_withdrawal(her: Visitor) -> None:
    stops = [stop async for stop in walk(her)]
    assert (stops[0], stops[-1]) == ("the city system", "her page after withdrawing")
    assert await her.page.get_by_text("Bạn rút lại lúc").count()


async def test_without_scripts_she_gets_as_far(browser: Browser) -> None:
    async with visitor(browser, scripts=False) as her:
        assert [stop async for stop in walk(her)][-1] == "her page after withdrawing"


async def test_each_item_is_answered_by_itself(her: Visitor) -> None:
    await come_to_the_question(her)
    await choose(her.page, TELEPHONE, NAME)
    await send(her)
    assert "Bạn tự nộp giấy tờ này" in await her.page.inner_text("main")
    await _open_her_page(her)
    await until_told(her, "article.done:has-text('Liên hệ qua điện thoại')")
    kept = await _newest(her.page, "Giữ lại thông tin").inner_text()
    assert "Họ, chữ đệm và tên" in kept
    assert "Nơi thường trú" not in kept
    assert "Các đăng ký kinh doanh" not in kept


async def test_every_page_is_found_accessible_by_axe(her: Visitor) -> None:
    found: dict[str, str] = {}
    async for stop in walk(her):
        if report := await violations_of(her.page):
            found[stop] = report
    assert found == {}


async def test_no_page_is_wider_than_a_telephone(her: Visitor) -> None:
    wide: dict[str, int] = {}
    async for stop in walk(her):
        if (width := await width_of(her.page)) > 390:
            wide[stop] = width
    assert wide == {}


async def test_every_page_comes_under_a_policy_without_exceptions(her: Visitor) -> None:
    async for _ in walk(her):
        pass
    for address, policy in her.policies.items():
        assert policy.startswith("default-src 'none'"), address
        assert "unsafe" not in policy, address


async def test_cookies_are_for_this_host_and_no_script(her: Visitor) -> None:
    async for _ in walk(her):
        pass
    cookies = await her.context.cookies(ORIGIN)
    assert cookies
    for cookie in cookies:
        assert cookie.get("name", "").startswith("__Host-")
        kept = [cookie.get(each) for each in ("secure", "httpOnly", "sameSite", "path")]
        assert kept == [True, True, "Lax", "/"]


async def test_who_goes_back_after_answering_is_told_that_she_answered(her: Visitor) -> None:
    await come_to_the_question(her)
    asked = her.page.url
    await choose(her.page)
    await send(her)
    while her.page.url != asked:
        await her.page.go_back()
    await her.arrive(ANSWERED)
    assert not await violations_of(her.page)


async def test_a_double_click_is_one_answer(her: Visitor) -> None:
    """Each answer that agrees to one thing gives the same rights, each with its receipt on her page."""
    before = await _receipts(her)
    assert await _answer(her, "it => it.click()") == 1
    once = await _receipts(her)
    # Chromium merges two clicks at one moment into one request; a hand is slower, and sends two.
    assert await _answer(her, "it => { it.click(); setTimeout(() => it.click(), 10) }") == 2
    twice = await _receipts(her)
    assert before < once < twice
    assert len(twice - once) == len(once - before)


async def _answer(her: Visitor, press: str) -> int:
    """Answer a question with a press of the button; return how many requests that sent."""
    await come_to_the_question(her)
    await choose(her.page, TELEPHONE)
    sent: list[str] = []
    her.page.on("request", lambda request: sent.append(request.url))
    await her.page.locator("form[action$='/decision'] button").evaluate(press)
    await her.arrive("dl.stacked")
    return sum(address.endswith("/decision") for address in sent)


async def _receipts(her: Visitor) -> set[str]:
    """Return the receipts that her own page leads to, and the pages behind it."""
    await her.page.goto(f"{ORIGIN}/consent/me")
    if await her.page.locator("a[href='/consent/login']").count():
        await log_in(her)
    found: set[str] = set()
    further = her.page.locator("a[href^='/consent/me/grants?']")
    while True:
        links = await her.page.locator("article a[href*='/me/receipts/']").all()
        found |= {str(await link.get_attribute("href")) for link in links}
        assert not await violations_of(her.page)
        if not await further.count():
            return found
        await her.page.goto(f"{ORIGIN}{await further.get_attribute('href')}")


async def test_of_two_tabs_the_first_answer_counts(her: Visitor) -> None:
    await come_to_the_question(her)
    second = await her.context.new_page()
    watch(her, second)
    await second.goto(her.page.url)
    await choose(her.page, TELEPHONE)
    await send(her)
    await choose(second, NOTHING)
    await second.locator("form[action$='/decision'] button").click()
    await second.locator(ANSWERED).wait_for()


async def test_who_answers_too_late_is_told_so_here_and_where_she_applies(her: Visitor) -> None:
    await come_to_the_question(her)
    await choose(her.page)
    await asyncio.to_thread(_let_lapse, UUID(her.page.url.rpartition("/")[2]))
    await her.page.locator("form[action$='/decision'] button").click()
    await her.arrive("h1:text-is('Đã quá thời gian trả lời')")
    assert not await violations_of(her.page)
    await switch(her, "en")
    await her.arrive("h1:text-is('The time to answer is over')")
    assert not await violations_of(her.page)
    await switch(her, "vi")
    await her.press("a.button:has-text('Quay lại')", then=".note:has-text('Đã quá thời gian trả lời')")


def _let_lapse(request_id: UUID) -> None:
    """Let a question's time be over: its 13 minutes are no setting, and nobody waits for them here."""
    lapse = f"UPDATE consent_request SET lapses_at = clock_timestamp() WHERE request_id = '{request_id}'"  # noqa: S608 - a UUID
    psql = 'PGPASSWORD="$(cat /run/secrets/password)" exec psql -qX -h 127.0.0.1 -U postgres -d consent -c "$0"'
    project_of(os.environ).read("exec", "-T", "postgres", "sh", "-c", psql, lapse)


async def test_two_logins_in_two_tabs_do_not_disturb_each_other(her: Visitor) -> None:
    await come_to_the_question(her)
    other = Visitor(her.context, await her.context.new_page(), scripts=True)
    await come_to_the_question(other)
    for each in (her, other):
        await choose(each.page)
        await send(each)


async def test_a_login_link_that_somebody_logged_in_with_says_what_to_do(her: Visitor) -> None:
    async with her.page.expect_request(lambda request: "request_uri=" in request.url) as asked:
        await come_to_the_question(her)
    await her.page.goto((await asked.value).url)
    await her.arrive("h1:text-is('Đường dẫn đăng nhập đã hết hạn')")
    assert not await violations_of(her.page)


async def test_a_page_whose_session_is_over_leads_to_the_login(her: Visitor) -> None:
    await _have_something_to_withdraw(her)
    await her.press(first_withdrawal(her.page), then="form[action$='/withdrawal']")
    await her.context.clear_cookies()
    await her.page.locator("form[action$='/withdrawal'] button").click()
    await her.arrive("p[lang=en]")
    assert not await violations_of(her.page)
    await her.page.goto(f"{ORIGIN}/consent/me")
    await her.arrive("a[href='/consent/login']")


async def test_in_another_browser_her_question_does_not_open(her: Visitor, browser: Browser) -> None:
    await come_to_the_question(her)
    async with visitor(browser) as stranger:
        await stranger.page.goto(her.page.url)
        await stranger.arrive("h1:text-is('Không mở được trang này ở đây')")


async def test_an_item_left_out_is_marked_and_the_others_stay_answered(browser: Browser) -> None:
    """Browsers ask for it themselves; one that does not gets the page again."""
    async with visitor(browser) as her:
        await come_to_the_question(her)
        await choose(her.page)
        await (await items(her.page))[1].evaluate("it => it.remove()")
        await her.page.locator("form[action$='/decision'] button").click()
        await her.arrive("p.missing")
        assert await her.page.locator("p.missing").count() == 1
        assert await her.page.locator("input[value=agreed]:visible >> nth=0").is_checked()
        assert not await violations_of(her.page)


async def test_the_keyboard_is_enough(her: Visitor) -> None:
    await her.page.goto(CITY)
    await go_to(her.page, her.page.locator("button[value=household-business]"), "Enter")
    await go_to(her.page, her.page.locator("button[value=shop_owner]"), "Enter")
    await go_to(her.page, her.page.locator("button[value=approve]"), "Enter")
    await her.arrive("form[action$='/decision']")
    await go_to(her.page, her.page.locator("input[name=i2]"), "Space")
    for item in await items(her.page):
        await go_to(her.page, item.locator("input").first, "Space")
        await her.page.keyboard.press("ArrowDown")
    await go_to(her.page, her.page.locator("form[action$='/decision'] button"), "Enter")
    await her.arrive("dl.stacked")


async def _have_something_to_withdraw(her: Visitor) -> None:
    await come_to_the_question(her)
    await choose(her.page)
    await send(her)
    await _open_her_page(her)
    await until_told(her, "a[href$='/withdrawal']")


async def _open_her_page(her: Visitor) -> None:
    await her.page.goto(f"{ORIGIN}/consent/me")
    await log_in(her)


def _newest(page: Page, title: str) -> Locator:
    return page.locator(f"article.done:has-text('{title}')").first
