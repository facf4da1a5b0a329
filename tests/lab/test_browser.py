"""A person with a real browser, over TLS through the edge: the whole way, and what goes wrong on it."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page

from tests.lab.browser import CITY, ORIGIN, chromium
from tests.lab.visiting import (
    NAME,
    TELEPHONE,
    Visitor,
    choose,
    come_to_the_question,
    first_withdrawal,
    items,
    log_in,
    send,
    until_told,
    visitor,
    walk,
    watch,
)

ANSWERED = "h1:text-is('Bạn đã trả lời rồi')"


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def her(browser: Browser) -> AsyncGenerator[Visitor]:
    async with visitor(browser) as one:
        yield one


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
        if report := await _violations(her.page):
            found[stop] = report
    assert found == {}


async def test_no_page_is_wider_than_a_telephone(her: Visitor) -> None:
    wide: dict[str, int] = {}
    async for stop in walk(her):
        width = await her.page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
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
    assert not await _violations(her.page)


async def test_a_double_click_is_one_answer(her: Visitor) -> None:
    await come_to_the_question(her)
    await choose(her.page)
    await her.page.locator("form[action$='/decision'] button").dblclick()
    await her.arrive("dl.stacked")


async def test_of_two_tabs_the_first_answer_counts(her: Visitor) -> None:
    await come_to_the_question(her)
    second = await her.context.new_page()
    watch(her, second)
    await second.goto(her.page.url)
    await choose(her.page, TELEPHONE)
    await send(her)
    await choose(second, "nobody agreed")
    await second.locator("form[action$='/decision'] button").click()
    await second.locator(ANSWERED).wait_for()


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
    assert not await _violations(her.page)


async def test_a_page_whose_session_is_over_leads_to_the_login(her: Visitor) -> None:
    await _have_something_to_withdraw(her)
    await her.press(first_withdrawal(her.page), then="form[action$='/withdrawal']")
    await her.context.clear_cookies()
    await her.page.locator("form[action$='/withdrawal'] button").click()
    await her.arrive("p[lang=en]")
    assert not await _violations(her.page)
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
        assert not await _violations(her.page)


async def test_the_keyboard_is_enough(her: Visitor) -> None:
    await her.page.goto(CITY)
    await _go_to(her.page, her.page.locator("button[value=household-business]"), "Enter")
    await _go_to(her.page, her.page.locator("button[value=shop_owner]"), "Enter")
    await _go_to(her.page, her.page.locator("button[value=approve]"), "Enter")
    await her.arrive("form[action$='/decision']")
    await _go_to(her.page, her.page.locator("input[name=i2]"), "Space")
    for item in await items(her.page):
        await _go_to(her.page, item.locator("input").first, "Space")
        await her.page.keyboard.press("ArrowDown")
    await _go_to(her.page, her.page.locator("form[action$='/decision'] button"), "Enter")
    await her.arrive("dl.stacked")


async def _go_to(page: Page, what: Locator, key: str) -> None:
    """Press Tab until it has the focus and shows it, then the key."""
    await what.wait_for()
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await what.evaluate("it => it === document.activeElement"):
            break
    shown: dict[str, Any] = await what.evaluate(
        "it => ({focused: it === document.activeElement, outline: getComputedStyle(it).outlineStyle})"
    )
    assert shown["focused"]
    assert shown["outline"] != "none"
    await page.keyboard.press(key)


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


async def _violations(page: Page) -> str:
    found = await Axe().run(page)  # pyright: ignore[reportUnknownMemberType] - its dicts are bare
    return found.generate_report() if found.violations_count else ""
