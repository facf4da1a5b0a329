"""Renders the pages that people see: Vietnamese, for a phone, without scripts, under a policy without exceptions."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response
from starlette.types import Scope

from shared import telemetry
from shared.browser import browser_of
from shared.errors import NotFound, Problem
from shared.guards import public
from shared.page_texts import TEXTS, Text, text_of
from shared.problems import problem_headers, status_of
from shared.settings import ServiceSettings, check_origin
from shared.vietnam import day, moment

_SHARED = Path(__file__).parent / "pages"
_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class PageRoute(APIRoute):
    """A route whose answers people read: its problems are pages too."""

    is_page = True


def page_router(prefix: str = "") -> APIRouter:
    """Make a router for pages; they are in no OpenAPI document."""
    return APIRouter(prefix=prefix, route_class=PageRoute, default_response_class=HTMLResponse, include_in_schema=False)


class Static(NamedTuple):
    """A small file that is served from memory."""

    content: bytes
    media_type: str

    @property
    def version(self) -> str:
        """Changes whenever the content does, so that browsers may keep the file for a year."""
        return sha256(self.content).hexdigest()[:12]


class Pages:
    """The pages of one service: its templates and static files beside the shared ones."""

    def __init__(self, settings: ServiceSettings, *folders: Path, texts: Mapping[str, Text] | None = None) -> None:
        self._service = settings.service
        self._texts = {**TEXTS, **(texts or {})}
        self._static = {
            path.name: Static(path.read_bytes(), _MEDIA_TYPES[path.suffix])
            for folder in (_SHARED, *folders)
            for path in sorted(folder.glob("*"))
            if path.suffix in _MEDIA_TYPES
        }
        self._templates = Environment(
            loader=FileSystemLoader([*folders, _SHARED]),
            autoescape=True,  # of every template, whatever its name
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"day": day, "moment": moment}

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        form_action: Sequence[str] = (),
        self_submitting: bool = False,
    ) -> HTMLResponse:
        """Show a page. `form_action` names other origins its forms may lead to, redirects included (Chrome).

        Raises jinja2.UndefinedError for a value the template asks for and was not given.
        """

        def csrf_field(form: str) -> Markup:
            token = browser_of(request).csrf(form)
            return Markup('<input type="hidden" name="csrf" value="{}">').format(token)

        known = {"static": self.address_of, "csrf_field": csrf_field, "self_submitting": self_submitting}
        html = self._templates.get_template(template).render(known | dict(values or {}))
        return HTMLResponse(html, status_code=status, headers=_headers(form_action, scripts=self_submitting))

    def hand_over(
        self, request: Request, address: str, fields: Mapping[str, str], *, form_action: Sequence[str] = ()
    ) -> HTMLResponse:
        """Send the browser on by a form that submits itself (a button without JavaScript): nothing is in the URL."""
        values = {"address": address, "fields": fields}
        return self.render(request, "hand_over.html", values, form_action=form_action, self_submitting=True)

    def problem(self, scope: Scope, problem: Problem) -> Response:
        """Answer a problem as a page that says what to do next; for `make_app(render_page=…)`."""
        values = {
            "text": text_of(problem, self._texts),
            "retry_at": problem.retry_at,
            "trace_id": telemetry.trace_id(),
        }
        answer = self.render(Request(scope), "problem.html", values, status=status_of(problem))
        answer.headers.update(problem_headers(problem))
        return answer

    def address_of(self, name: str) -> str:
        """Return the address of a static file; raises KeyError when there is none of this name."""
        return f"/{self._service}/static/{name}?v={self._static[name].version}"

    def router(self) -> APIRouter:
        """Make the routes that serve the static files."""
        router = page_router(f"/{self._service}/static")

        @router.get("/{name}")
        @public
        async def get_static_file(name: str) -> Response:
            file = self._static.get(name)
            if file is None:
                raise NotFound
            lasting = {"cache-control": "public, max-age=31536000, immutable"}
            return Response(file.content, media_type=file.media_type, headers=lasting)

        return router


def _headers(form_action: Sequence[str], *, scripts: bool) -> dict[str, str]:
    targets = " ".join(["'self'", *(check_origin(origin) for origin in form_action)])
    policy = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        f"form-action {targets}",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        *(["script-src 'self'"] if scripts else []),
    ]
    # `same-origin`, since under `no-referrer` browsers send `Origin: null` with a form, which could be anybody's.
    return {"content-security-policy": "; ".join(policy), "referrer-policy": "same-origin"}
