"""A service that has every kind of page, for tests of pages."""

import re
from pathlib import Path
from typing import Annotated, Any

import httpx2
from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse

from shared import errors, http
from shared.browser import CurrentBrowser, own_form
from shared.guards import public
from shared.languages import Words
from shared.page_texts import Text, Way
from shared.pages import Pages, page_router
from shared.service import Service
from tests.shared.credentials import make_settings


class RequestLapsed(errors.Conflict):
    code = "request_lapsed"
    fault = "citizen"


def make_app(folder: Path, **changes: Any) -> FastAPI:
    templates = folder / "templates"
    templates.mkdir(exist_ok=True)
    (templates / "ask.html").write_text(
        '{% extends "base.html" %}{% block title %}{{ say("Hỏi", "Question") }}{% endblock %}'
        '{% block main %}<form method="post">{{ csrf_field("answer") }}<p>{{ name }}</p></form>{% endblock %}'
    )
    settings = make_settings(folder, **changes)
    way = Way("/consent/ask", Words("Bắt đầu lại", "Begin again"))
    lapsed_text = Text(Words("Hết hạn", "Too late"), Words("Hãy bắt đầu lại.", "Please begin again."), way)
    pages = Pages(settings, templates, texts={"request_lapsed": lapsed_text})
    router = page_router("/consent")

    @router.get("/ask")
    @public
    async def ask(request: Request, name: str = "An") -> HTMLResponse:
        return pages.render(request, "ask.html", {"name": name}, form_action=["https://city.example"])

    @router.post("/again")
    @public
    async def again(request: Request) -> HTMLResponse:
        return pages.render(request, "ask.html", {"name": "An"}, status=422, at="/consent/ask")

    @router.post("/ask", dependencies=[Depends(own_form("answer"))])
    @public
    async def answer(browser: CurrentBrowser, days: Annotated[int, Form()] = 1) -> HTMLResponse:
        return HTMLResponse(browser.hash.hex())

    @router.get("/lapsed")
    @public
    async def lapsed() -> HTMLResponse:
        raise RequestLapsed("english detail for integrators")

    @router.get("/missing")
    @public
    async def missing() -> HTMLResponse:
        raise errors.NotFound("somebody else's")

    @router.get("/bug")
    @public
    async def bug() -> HTMLResponse:
        raise ZeroDivisionError

    @router.get("/forgotten")
    @public
    async def forgotten(request: Request) -> HTMLResponse:
        return pages.render(request, "ask.html")

    @router.get("/onward")
    @public
    async def onward(request: Request) -> HTMLResponse:
        return pages.hand_over(request, "/consent/requests", {"ticket": '"><script>'})

    app = http.make_app(settings, [router, pages.router()], "Consent", render_page=pages.problem)
    return Service("consent", app, settings).app


def csrf_of(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return found[1]


OURS = {"sec-fetch-site": "same-origin"}


def opened(folder: Path, method: str = "GET") -> Request:
    """Make a request as a page gets it."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "headers": [],
        "query_string": b"",
        "app": make_app(folder),
    }
    return Request(scope)
