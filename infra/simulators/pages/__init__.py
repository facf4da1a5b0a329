"""The simulators' own few pages: nothing here is the gateway's, so that nobody takes one for the other."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from shared.languages import PARAMETER, Language, language_named, language_wanted, switch
from shared.templates import environments

_HERE = Path(__file__).parent
_TEMPLATES = environments(_HERE)
_COOKIE = "simulators_lang"
# No form-action: Chrome applies it to the redirects that follow a form, and those lead on to whoever asked to log in.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def render(request: Request, page: str, *, status: int = 200, at: str = "", **values: object) -> HTMLResponse:
    """Return a page of this folder, never kept by the browser; `at` is where one that answers a form is found again."""
    language = language_of(request)
    other = switch(language, request.query_params.multi_items(), at=at)
    content = _TEMPLATES[language].get_template(page).render(values | {"other": other})
    answer = HTMLResponse(content, status, headers=_HEADERS | {"Content-Language": language})
    answer.set_cookie(_COOKIE, language, httponly=True, samesite="lax")
    return answer


def language_of(request: Request) -> Language:
    """Return what the address asks for, by itself or for a client (`ui_locales`), else what this browser last saw."""
    asked = language_named(request.query_params.get(PARAMETER))
    wanted = language_wanted(request.query_params.get("ui_locales", ""))
    return asked or wanted or language_named(request.cookies.get(_COOKIE)) or "vi"


async def stylesheet(request: Request) -> Response:
    """Answer with the one stylesheet."""
    return Response((_HERE / "style.css").read_text(encoding="utf-8"), media_type="text/css")
