"""The simulators' own few pages: nothing here is the gateway's, so that nobody takes one for the other."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
# No form-action: Chrome applies it to the redirects that follow a form, and those lead on to whoever asked to log in.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def render(page: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page of this folder, never kept by the browser."""
    return HTMLResponse(_TEMPLATES.get_template(page).render(values), status, headers=_HEADERS)


async def stylesheet(request: Request) -> Response:
    """Answer with the one stylesheet."""
    return Response((_HERE / "style.css").read_text(encoding="utf-8"), media_type="text/css")
