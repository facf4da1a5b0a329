"""VNeID's endpoints and its two pages: who holds the telephone, and whether she approves."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.simulators.pages import render, stylesheet
from infra.simulators.personas import Persona
from infra.simulators.vneid.authorization import check_request
from infra.simulators.vneid.clients import Client, ClientAuthentication
from infra.simulators.vneid.errors import Refused, SentBack, Stopped
from infra.simulators.vneid.keys import SigningKeys
from infra.simulators.vneid.provider import Login, Provider
from shared.languages import LANGUAGES, Words

_NOT_KEPT = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_BROWSER = "vneid_browser"


def make_vneid(
    issuer: str,
    keys: SigningKeys,
    clients: Mapping[str, Client],
    people: Mapping[str, Persona],
    now: Callable[[], datetime],
) -> Starlette:
    """Return VNeID as an app to be mounted where `issuer` points."""
    endpoints = _Endpoints(Provider(issuer, keys, people, now), clients, now)
    return Starlette(
        routes=[
            Route("/", endpoints.home),
            Route("/.well-known/openid-configuration", endpoints.discovery),
            Route("/jwks", endpoints.jwks),
            Route("/authorize", endpoints.authorize),
            Route("/person", endpoints.person, methods=["POST"]),
            Route("/logins/{login_id}", endpoints.see_again),
            Route("/answer", endpoints.answer, methods=["POST"]),
            Route("/token", endpoints.token, methods=["POST"]),
            Route("/userinfo", endpoints.userinfo),
            Route("/logout", endpoints.logout),
            Route("/style.css", stylesheet),
        ],
        exception_handlers={Stopped: _say_no, SentBack: _say_no, Refused: _say_no, HTTPException: _nowhere},
    )


class _Endpoints:
    def __init__(self, provider: Provider, clients: Mapping[str, Client], now: Callable[[], datetime]) -> None:
        issuer = provider.issuer
        self._provider, self._clients = provider, clients
        self._accounts = {name: person for name, person in provider.people.items() if person.account}
        self._authentication = ClientAuthentication(clients, frozenset({issuer, f"{issuer}/token"}), now)

    async def home(self, request: Request) -> Response:
        return render(request, "vneid/home.html", accounts=self._accounts, issuer=self._provider.issuer)

    async def discovery(self, request: Request) -> Response:
        return JSONResponse(_metadata(self._provider.issuer))

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._provider.jwks())

    async def authorize(self, request: Request) -> Response:
        asked = check_request(request.query_params.multi_items(), self._clients, self._provider.issuer)
        browser = request.cookies.get(_BROWSER) or secrets.token_urlsafe(24)
        page = self._page(request, self._provider.begin(asked, browser))
        page.set_cookie(
            _BROWSER,
            browser,
            httponly=True,
            samesite="lax",
            secure=self._provider.issuer.startswith("https:"),
        )
        return page

    async def person(self, request: Request) -> Response:
        form, login = await self._posted(request)
        return self._page(request, self._provider.choose(login, form.get("person", "")))

    async def see_again(self, request: Request) -> Response:
        browser = request.cookies.get(_BROWSER, "")
        return self._page(request, self._provider.get_login(request.path_params["login_id"], browser))

    async def answer(self, request: Request) -> Response:
        form, login = await self._posted(request)
        decide = self._provider.approve if form.get("answer") == "approve" else self._provider.refuse
        return RedirectResponse(decide(login), status_code=303, headers=_NOT_KEPT)

    async def token(self, request: Request) -> Response:
        form = await _form(request)
        client = self._authentication.authenticate(form)
        return JSONResponse(self._provider.redeem(client, form), headers=_NOT_KEPT)

    async def userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("invalid_token", "a Bearer token is needed", status=401)
        return JSONResponse(self._provider.userinfo(token), headers=_NOT_KEPT)

    async def logout(self, request: Request) -> Response:
        self._provider.log_out(request.cookies.get(_BROWSER, ""))
        return _problem(request, 200, Words("Bạn đã đăng xuất khỏi VNeID.", "You are logged out of VNeID."))

    async def _posted(self, request: Request) -> tuple[Mapping[str, str], Login]:
        form = await _form(request)
        return form, self._provider.get_login(form.get("login", ""), request.cookies.get(_BROWSER, ""))

    def _page(self, request: Request, login: Login) -> Response:
        name = "choose" if login.session is None else "phone"
        at = "" if request.method == "GET" else f"{request.scope['root_path']}/logins/{login.login_id}"
        return render(request, f"vneid/{name}.html", at=at, login=login, accounts=self._accounts)


async def _form(request: Request) -> Mapping[str, str]:
    async with request.form(max_files=0, max_fields=20) as form:
        items = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    fields = dict(items)
    if len(fields) != len(items):
        raise Refused("invalid_request", "a parameter is given twice")
    return fields


async def _say_no(request: Request, error: Exception) -> Response:
    match error:
        case Stopped():
            return _problem(request, 400, error.words)
        case SentBack():
            return RedirectResponse(error.location, status_code=303, headers=_NOT_KEPT)
        case Refused():
            body = {"error": error.error, "error_description": error.description}
            bearer = {"WWW-Authenticate": 'Bearer error="invalid_token"'} if error.error == "invalid_token" else {}
            return JSONResponse(body, error.status, headers=_NOT_KEPT | bearer)
        case _:
            raise error


async def _nowhere(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _problem(request, status, Words("Không có trang này.", "There is no such page."))


def _problem(request: Request, status: int, sentence: Words) -> Response:
    """Say why she cannot log in; where a form was sent, the other language begins at the home page."""
    at = "" if request.method == "GET" else f"{request.scope['root_path']}/"
    return render(request, "vneid/problem.html", status=status, at=at, sentence=sentence)


def _metadata(issuer: str) -> dict[str, object]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "end_session_endpoint": f"{issuer}/logout",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["1", "2", "3", "4"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "claims_parameter_supported": False,
        "ui_locales_supported": list(LANGUAGES),
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }
