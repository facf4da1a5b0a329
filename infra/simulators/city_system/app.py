"""The pages of the city system: start with a login button, callback, result."""

import secrets
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

import httpx2
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from infra.client.city_system import CitySystem
from infra.client.gateway import Refused
from infra.simulators.city_system.desk import Result, Visit, begin, finish
from infra.simulators.city_system.offers import OFFERS
from infra.simulators.city_system.words import outcome, received, refusal
from infra.simulators.memory import Remembered
from infra.simulators.pages import language_of, render, stylesheet
from shared.languages import Words
from shared.tls import trusting

_COOKIE = "city_visit"
_VISIT_LIFE = timedelta(minutes=20)


def make_city_system(
    origin: str, gateway_origin: str, keys_dir: Path, now: Callable[[], datetime], *, ca_file: Path | None = None
) -> Starlette:
    """Return the city system as an app to be mounted at `/city`; it acts as every client the offers name."""
    pages = _Pages(origin, gateway_origin, keys_dir, now, trusting(ca_file))
    return Starlette(
        routes=[
            Route("/", pages.start),
            Route("/login", pages.login, methods=["POST"]),
            Route("/callback", pages.callback),
            Route("/result", pages.result),
            Route("/style.css", stylesheet),
        ],
        exception_handlers={Refused: _refused, httpx2.TransportError: _unreachable, HTTPException: _nowhere},
    )


class _Pages:
    def __init__(
        self, origin: str, gateway_origin: str, keys_dir: Path, now: Callable[[], datetime], tls: ssl.SSLContext
    ) -> None:
        self._origin, self._gateway_origin, self._keys_dir, self._now = origin, gateway_origin, keys_dir, now
        self._tls = tls
        self._visits: Remembered[tuple[str, str], Visit] = Remembered(now)
        self._results: Remembered[str, Result] = Remembered(now)

    async def start(self, request: Request) -> Response:
        return render(request, "city/start.html", offers=OFFERS.values())

    async def login(self, request: Request) -> Response:
        async with request.form(max_files=0, max_fields=5) as form:
            offer = OFFERS.get(str(form.get("offer")))
        if offer is None:
            return _problem(request, 400, Words("Không có thủ tục này.", "There is no such procedure."))
        async with self._system(offer.client_id) as system:
            visit = await begin(system, offer, language_of(request))
        browser = request.cookies.get(_COOKIE) or secrets.token_urlsafe(24)
        self._visits.put((browser, visit.flow.state), visit, self._now() + _VISIT_LIFE)
        answer = RedirectResponse(visit.flow.authorize_url, status_code=303)
        answer.set_cookie(
            _COOKIE, browser, httponly=True, samesite="lax", secure=self._origin.startswith("https:"), path="/city"
        )
        return answer

    async def callback(self, request: Request) -> Response:
        browser = request.cookies.get(_COOKIE, "")
        key = (browser, dict(parse_qsl(request.url.query)).get("state", ""))
        visit = self._visits.find(key)
        if visit is None:
            # Started at the command line, whose callback this is too: she pastes the address there.
            url = f"{self._origin}/city/callback?{request.url.query}"
            return render(request, "city/elsewhere.html", status=400, url=url)
        self._visits.forget(key)
        async with self._system(visit.offer.client_id) as system:
            result = await finish(system, visit, f"{self._origin}/city/callback?{request.url.query}")
        self._results.put(browser, result, self._now() + _VISIT_LIFE)
        return RedirectResponse("/city/result", status_code=303)

    async def result(self, request: Request) -> Response:
        result = self._results.find(request.cookies.get(_COOKIE, ""))
        if result is None:
            return RedirectResponse("/city/", status_code=303)
        return render(
            request,
            "city/result.html",
            result=result,
            refusal=refusal(result.refused) if result.refused else None,
            outcome=outcome,
            received=received(result.release) if result.release else [],
            her_page=f"{self._gateway_origin}/consent/me",
        )

    @asynccontextmanager
    async def _system(self, client_id: str) -> AsyncGenerator[CitySystem]:
        key = ECKey.import_key((self._keys_dir / f"client-{client_id}.pem").read_bytes())
        async with httpx2.AsyncClient(timeout=15, verify=self._tls) as http:
            yield CitySystem(client_id, key, self._gateway_origin, f"{self._origin}/city/callback", http=http)


async def _refused(request: Request, error: Exception) -> Response:
    sentence = Words(
        "Cổng Một Lần không chấp nhận yêu cầu của hệ thống này.", "Một Lần does not accept what this system asks."
    )
    return _problem(request, 502, sentence, code=str(error))


async def _unreachable(request: Request, error: Exception) -> Response:
    sentence = Words(
        "Không kết nối được với cổng Một Lần. Hãy thử lại sau ít phút.",
        "Một Lần cannot be reached. Please try again in a few minutes.",
    )
    return _problem(request, 502, sentence, code=type(error).__name__)


async def _nowhere(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    sentence = Words(
        "Không có trang này. Hãy bắt đầu từ trang đầu.", "There is no such page. Please begin on the first page."
    )
    return _problem(request, status, sentence)


def _problem(request: Request, status: int, sentence: Words, *, code: str = "") -> Response:
    """Say what went wrong; where a form was sent, the other language begins again."""
    at = "" if request.method == "GET" else "/city/"
    return render(request, "city/problem.html", status=status, at=at, sentence=sentence, code=code)
