"""A person who reads English, or changes her mind on the way; and the page that only leads on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, Route

from tests.lab.browser import CITY, ORIGIN
from tests.lab.looking import go_to, violations_of, width_of
from tests.lab.visiting import (
    Visitor,
    choose,
    send,
    switch,
    visitor,
    walk,
)
from tests.shared.english import vietnamese_in


@asynccontextmanager
async def before_the_hand_over(browser: Browser) -> AsyncGenerator[Visitor]:
    """Open a window in which the page that only leads on stays, as without scripts, and comes back to life for axe."""

    async def nothing(route: Route) -> None:
        await route.fulfill(body="", content_type="text/javascript")

    async with visitor(browser) as her:
        await her.context.route("**/submit.js*", nothing)
        await her.page.goto(CITY)
        await her.press("button[value=household-business]", then="button[name=person]")
        await her.press("button[value=shop_owner]", then="button[value=approve]")
        await her.press("button[value=approve]", then="form#hand-over button")
        yield her


async def test_the_page_that_only_leads_on_is_accessible_in_both_languages_and_loses_no_login(browser: Browser) -> None:
    async with before_the_hand_over(browser) as her:
        for language in ("en", "vi", "en"):
            await switch(her, language)
            assert not await violations_of(her.page)
            assert await width_of(her.page) <= 390
        assert vietnamese_in(await her.page.content()) == []
        await her.press("form#hand-over button", then="form[action$='/decision']")
        await choose(her.page)
        await send(her)


async def test_without_scripts_the_page_that_only_leads_on_waits_to_be_pressed(browser: Browser) -> None:
    async with visitor(browser, scripts=False) as her:
        await her.page.goto(CITY)
        await her.press("button[value=household-business]", then="button[name=person]")
        await her.press("button[value=shop_owner]", then="button[value=approve]")
        await her.page.locator("button[value=approve]").click()
        await her.page.locator("form#hand-over button:visible").wait_for()
        await switch(her, "en")
        await her.press("form#hand-over button", then="form[action$='/decision']")


async def test_who_switches_once_reads_english_to_the_end(her: Visitor) -> None:
    found: dict[str, object] = {}
    async for stop in walk(her):
        if stop == "the city system":
            await switch(her, "en")
        spoken = await her.page.locator("html").get_attribute("lang")
        width, left = await width_of(her.page), vietnamese_in(await her.page.content())
        if spoken != "en" or width > 390 or left:
            found[stop] = spoken, width, left
        elif report := await violations_of(her.page):
            found[stop] = report
    assert found == {}


async def test_every_page_is_found_again_in_english_and_back(her: Visitor) -> None:
    async for stop in walk(her):
        before = await _what_it_takes(her.page), await her.page.locator("h1").inner_text()
        await switch(her, "en")
        assert await _what_it_takes(her.page) == before[0], stop
        assert await her.page.locator("h1").inner_text() != before[1], stop
        await switch(her, "vi")
        assert (await _what_it_takes(her.page), await her.page.locator("h1").inner_text()) == before, stop


async def _what_it_takes(page: Page) -> list[str]:
    """Return what can be filled in and sent on a page, in any language."""
    return await page.locator("form, input, main button").evaluate_all(
        "all => all.map(it => [it.tagName, it.getAttribute('action'), it.name, it.type].join(' '))"
    )


async def test_the_switch_is_reached_by_the_keyboard(her: Visitor) -> None:
    await her.page.goto(f"{ORIGIN}/consent/me")
    await go_to(her.page, her.page.locator("a[hreflang=en]"), "Enter")
    await her.arrive("html[lang=en]")
