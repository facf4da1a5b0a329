"""How a person goes with a browser from a city system to VNeID, to her answer, to her own page, and back out."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Response

from tests.lab.browser import CITY, ORIGIN

PHONE = {"width": 390, "height": 844}
SECONDS = 120
HERSELF = "shop_owner"
TELEPHONE, NAME = ("Số điện thoại", "Phone number"), ("Họ, chữ đệm và tên", "Full name")
NOTHING = ("nothing at all",)
"""What she agrees to, by the item's name in either language. What an agreement that stands keeps is not asked again."""

_HAND_OVER = "form#hand-over button"


@dataclass
class Visitor:
    """One person's browser window: what it complained of, and under which policy each page came."""

    context: BrowserContext
    page: Page
    scripts: bool
    complaints: list[str] = field(default_factory=list[str])
    policies: dict[str, str] = field(default_factory=dict[str, str])

    async def press(self, what: str | Locator, *, then: str) -> None:
        """Press something, and wait for what the next page must have; without scripts also press on where asked to."""
        await (self.page.locator(what) if isinstance(what, str) else what).click()
        await self.arrive(then)

    async def arrive(self, then: str) -> None:
        """Wait for what the page that everything leads to must have."""
        while not self.scripts:
            await self.page.locator(f"{then}, {_HAND_OVER}").first.wait_for()
            if not await self.page.locator(_HAND_OVER).count():
                break
            await self.page.locator(_HAND_OVER).click()
            await self.page.locator(_HAND_OVER).wait_for(state="detached")
        await self.page.locator(then).first.wait_for()


@asynccontextmanager
async def visitor(browser: Browser, *, scripts: bool = True, locale: str = "vi-VN") -> AsyncGenerator[Visitor]:
    """Open a window of a telephone's size with no cookie in it; it complains of nothing, or the test fails."""
    context = await browser.new_context(viewport=PHONE, java_script_enabled=scripts, locale=locale)  # pyright: ignore[reportArgumentType] - a dict is what it takes
    context.set_default_timeout(SECONDS * 1000)
    her = Visitor(context, await context.new_page(), scripts)
    watch(her, her.page)
    try:
        yield her
    finally:
        await context.close()
    assert her.complaints == []


def watch(her: Visitor, page: Page) -> None:
    """Note what the browser reports of a page: refused styles, forms and scripts among it."""

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "server responded with a status of 4" not in message.text:
            her.complaints.append(f"{page.url}: {message.text}")

    def came(response: Response) -> None:
        if response.request.resource_type == "document" and not 300 <= response.status < 400:
            her.policies[response.url] = response.headers.get("content-security-policy", "")

    page.on("console", heard)
    page.on("pageerror", lambda error: her.complaints.append(f"{page.url}: {error}"))
    page.on("response", came)


async def walk(her: Visitor) -> AsyncGenerator[str]:
    """Go all the way, and stop at every page to have it looked at."""
    await her.page.goto(CITY)
    yield "the city system"
    await choose_procedure(her)
    yield "who holds the telephone"
    await her.press(f"button[value={HERSELF}]", then="button[value=approve]")
    yield "the telephone"
    await her.press("button[value=approve]", then="form[action$='/decision']")
    yield "what is asked"
    await choose(her.page)
    await send(her)
    yield "what the city system got"
    await her.press(f"a[href='{ORIGIN}/consent/me']", then="a[href='/consent/login']")
    yield "before her own page"
    await log_in(her)
    await until_told(her, "#uses + ol > li")
    yield "who used my data"
    await her.press(first_withdrawal(her.page), then="form[action$='/withdrawal']")
    yield "before withdrawing"
    await her.press("form[action$='/withdrawal'] button", then=".done time")
    yield "the receipt"
    await her.press("a.way[href='/consent/me']", then="#uses")
    yield "her page after withdrawing"


async def choose_procedure(her: Visitor) -> None:
    """Choose the household business, whose page asks for something too."""
    await her.press("button[value=household-business]", then="button[name=person]")


async def come_to_the_question(her: Visitor) -> None:
    """Go as far as the page that asks her."""
    await her.page.goto(CITY)
    await choose_procedure(her)
    await her.press(f"button[value={HERSELF}]", then="button[value=approve]")
    await her.press("button[value=approve]", then="form[action$='/decision']")


async def choose(page: Page, *agreed: tuple[str, ...]) -> None:
    """Answer each item by itself, agreeing where its name has one of these words; hand one paper in herself."""
    await page.locator("input[name=i2]").check()
    for item in await items(page):
        name = await item.locator("legend").inner_text()
        words = [word for each in agreed or (TELEPHONE, NAME) for word in each]
        word = "agreed" if any(each in name for each in words) else "refused"
        await item.locator(f"input[value={word}]").check()


async def items(page: Page) -> list[Locator]:
    """Return what she is asked for, item by item."""
    return await page.locator("fieldset", has=page.locator("input[type=radio]")).all()


async def send(her: Visitor) -> None:
    """Send the answer; the city system shows what it got."""
    await her.press("form[action$='/decision'] button", then="dl.stacked")


async def log_in(her: Visitor) -> None:
    """Log in to her own page."""
    await her.press("a[href='/consent/login']", then="button[name=person]")
    await her.press(f"button[value={HERSELF}]", then="button[value=approve]")
    await her.press("button[value=approve]", then="#uses")


async def until_told(her: Visitor, what: str) -> None:
    """Load the page again until it tells something: what happened elsewhere comes by events."""
    begun = monotonic()
    while not await her.page.locator(what).count():
        assert monotonic() < begun + SECONDS, f"{what} is not told after {SECONDS} s"
        await her.page.reload()


async def switch(her: Visitor, to: str) -> None:
    """Follow the link to the other language."""
    await her.page.locator(f"a[hreflang={to}]").click()
    await her.page.locator(f"html[lang={to}]").wait_for()


def first_withdrawal(page: Page) -> Locator:
    """The first way to withdraw something."""
    return page.locator("a[href$='/withdrawal']").first
