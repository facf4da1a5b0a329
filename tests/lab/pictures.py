"""`python -m tests.lab.pictures`: photographs two pages of a stack that runs, as a telephone shows them."""

import asyncio
from pathlib import Path

from tests.lab.browser import chromium
from tests.lab.visiting import Visitor, visitor, walk

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
_TAKEN = {"what is asked": "consent.png", "who used my data": "uses.png"}
_HEIGHT = 1200


async def main() -> None:
    """Go the whole way once, and keep the two pages."""
    async with chromium() as browser, visitor(browser) as her:
        async for stop in walk(her):
            if name := _TAKEN.get(stop):
                await _take(her, PICTURES / name)


async def _take(her: Visitor, path: Path) -> None:
    """Keep one picture; of her own page the part that names who used her data."""
    part = her.page.locator("#uses")
    top = await part.evaluate("it => it.offsetTop - 12") if await part.count() else 0
    clip = {"x": 0, "y": top, "width": 390, "height": _HEIGHT}
    await her.page.screenshot(path=path, full_page=True, clip=clip)  # pyright: ignore[reportArgumentType] - a dict is what it takes


if __name__ == "__main__":
    asyncio.run(main())
