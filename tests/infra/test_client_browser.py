"""The person at a browser keeps cookies, follows redirects as browsers do, and stops where told."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.client.browser import Browser

HERE = "http://localhost:8080"


async def start(request: Request) -> Response:
    private = {"Referrer-Policy": "no-referrer"} if "private" in request.query_params else None
    page = HTMLResponse('<form method="post" action="/go"><button>Đi</button></form>', headers=private)
    page.set_cookie("seen", "1", secure=True)
    return page


async def go(request: Request) -> Response:
    return RedirectResponse(f"/end?origin={request.headers['origin']}", status_code=303)


async def end(request: Request) -> Response:
    return PlainTextResponse(f"{request.method} {request.cookies.get('seen')} {request.query_params['origin']}")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    app = Starlette(routes=[Route("/", start), Route("/go", go, methods=["POST"]), Route("/end", end)])
    async with Browser(transport=httpx2.ASGITransport(app=app), stop_at=f"{HERE}/end?origin=null") as browser:
        yield browser


async def test_a_secure_cookie_works_on_loopback_as_in_a_browser(browser: Browser) -> None:
    await browser.open(HERE)
    assert (await browser.press("Đi")).text == f"GET 1 {HERE}"


async def test_a_page_that_hides_its_address_sends_forms_from_nowhere_and_the_browser_stops_where_told(
    browser: Browser,
) -> None:
    await browser.open(f"{HERE}/?private")
    page = await browser.press("Đi")
    assert (page.status, page.url) == (0, f"{HERE}/end?origin=null")


async def test_a_button_that_is_not_there_cannot_be_pressed(browser: Browser) -> None:
    await browser.open(HERE)
    with pytest.raises(LookupError):
        await browser.press("Xóa")
