"""What a page in a real browser is looked at for: axe, its width, and where the keyboard leads."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page


async def go_to(page: Page, what: Locator, key: str) -> None:
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


async def width_of(page: Page) -> int:
    return await page.evaluate("document.documentElement.scrollWidth")


async def violations_of(page: Page) -> str:
    found = await Axe().run(page)  # pyright: ignore[reportUnknownMemberType] - its dicts are bare
    return found.generate_report() if found.violations_count else ""
