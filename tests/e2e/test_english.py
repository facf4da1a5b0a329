"""A person who switches to English on the first page reads English on every page after it, whichever system's it is."""

import httpx2
import pytest

from infra.client.browser import Browser
from infra.embedded.laptop import Laptop
from tests.shared.english import vietnamese_in

pytestmark = pytest.mark.stack


async def test_the_whole_way_is_english_once_she_switched(system: Laptop) -> None:
    seen: dict[str, str] = {}

    async def see(answer: httpx2.Response) -> None:
        if answer.headers.get("content-type", "").startswith("text/html"):
            await answer.aread()
            seen[answer.url.path] = answer.text

    async with Browser() as browser:
        await browser.open(f"{system.ports.simulators_origin}/city/")
        browser._http.event_hooks["response"].append(see)
        await browser.follow("English")
        await browser.press("Registration of a household business")
        await _log_in(browser)
        await browser.press("Continue")
        form = next(form for form in browser.page.forms if form.action.endswith("/decision"))
        radios = dict.fromkeys((each.name for each in form.choices if each.kind == "radio"), "agreed")
        await browser.press("Send the answer", **radios)
        assert "Verified data received" in browser.page.text
        await browser.follow("Who used my data?")
        await browser.follow("Log in with VNeID")
        await _log_in(browser)
        await browser.follow("Withdraw this consent")
        await browser.press("Withdraw")
        assert "Receipt of your withdrawal" in browser.page.text
        await browser.follow("Back to My data")
    assert len(seen) >= 9, sorted(seen)
    for path, page in seen.items():
        assert '<html lang="en">' in page, path
        assert vietnamese_in(page) == [], path


async def _log_in(browser: Browser) -> None:
    await browser.press("shop_owner")
    await browser.press("Approve")
