"""Renders what people see: in two languages, for a phone, without scripts, under a policy without exceptions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple, cast

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParam
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from markupsafe import Markup
from starlette.responses import Response
from starlette.types import Scope

from shared import telemetry
from shared.browser import browser_of, language_of
from shared.errors import NotFound, Problem
from shared.guards import public
from shared.languages import Language, switch
from shared.page_texts import TEXTS, Text, name_of
from shared.problems import problem_headers, status_of
from shared.settings import ServiceSettings, check_origin
from shared.templates import environments

_SHARED = Path(__file__).parent / "pages"
_NO_TRACE = "0" * 32
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
        self._templates = environments(*folders, _SHARED)

    def render(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        form_action: Sequence[str] = (),
        self_submitting: bool = False,
        at: str = "",
    ) -> HTMLResponse:
        """Show a page in the language of its reader, with a link to the same page in the other one.

        `form_action` names other origins its forms may lead to, redirects included (Chrome); `at` is where a page that
        answers a form is found again, since a link cannot send the form. Raises jinja2.UndefinedError for a value the
        template asks for and was not given, and ValueError where a form is answered without `at`.
        """
        if request.method != "GET" and not at:
            raise ValueError(template)

        def csrf_field(form: str) -> Markup:
            token = browser_of(request).csrf(form)
            return Markup('<input type="hidden" name="csrf" value="{}">').format(token)

        language = language_of(request)
        known = {
            "static": self.address_of,
            "csrf_field": csrf_field,
            "self_submitting": self_submitting,
            "other": switch(language, request.query_params.multi_items(), at=at),
        }
        html = self._templates[language].get_template(template).render(known | dict(values or {}))
        return HTMLResponse(html, status, headers=_headers(language, form_action, scripts=self_submitting))

    def hand_over(
        self, request: Request, address: str, fields: Mapping[str, str], *, form_action: Sequence[str] = ()
    ) -> HTMLResponse:
        """Send the browser on by a form that submits itself (a button without JavaScript): nothing is in the URL."""
        values = {"address": address, "fields": fields}
        return self.render(request, "hand_over.html", values, form_action=form_action, self_submitting=True)

    def problem(self, scope: Scope, problem: Problem) -> Response:
        """Answer a problem as a page that says what to do next; for `make_app(render_page=…)`.

        In the other language it is told without doing anything again; nothing of what was asked for stands in it.
        """
        name, trace_id = name_of(problem, self._texts), telemetry.trace_id() or _NO_TRACE
        answer = self._tell(Request(scope), name, trace_id, retry_at=problem.retry_at, status=status_of(problem))
        answer.headers.update(problem_headers(problem))
        return answer

    def address_of(self, name: str) -> str:
        """Return the address of a static file; raises KeyError when there is none of this name."""
        return f"/{self._service}/static/{name}?v={self._static[name].version}"

    def router(self) -> APIRouter:
        """Make the routes that serve the static files, and tell a problem again without doing anything."""
        router = page_router(f"/{self._service}")

        @router.get("/static/{name}")
        @public
        async def get_static_file(name: str, v: str = "") -> Response:
            file = self._static.get(name)
            if file is None:
                raise NotFound
            # A page of the next release may ask a replica of this one: what that gets must not be kept under its name.
            keep = "public, max-age=31536000, immutable" if v == file.version else "no-store"
            return Response(file.content, media_type=file.media_type, headers={"cache-control": keep})

        @router.get("/problems/{name}/{trace_id}")
        @public
        async def tell_problem(
            request: Request, name: str, trace_id: Annotated[str, PathParam(pattern=r"^[0-9a-f]{32}$")]
        ) -> Response:
            if name not in self._texts:
                raise NotFound
            return self._tell(request, name, trace_id)

        return router

    def _tell(
        self, request: Request, name: str, trace_id: str, *, retry_at: datetime | None = None, status: int = 200
    ) -> HTMLResponse:
        values = {"text": self._texts[name], "retry_at": retry_at, "trace_id": trace_id}
        at = f"/{self._service}/problems/{name}/{trace_id}"
        return self.render(request, "problem.html", values, status=status, at=at)


def _headers(language: Language, form_action: Sequence[str], *, scripts: bool) -> dict[str, str]:
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
    return {
        "content-security-policy": "; ".join(policy),
        "referrer-policy": "same-origin",
        "content-language": language,
    }


async def _pages_of(request: Request) -> Pages:
    return cast(Pages, request.app.state.pages)


Shown = Annotated[Pages, Depends(_pages_of)]
"""A service's pages, as its composition root left them at `app.state.pages`, for routes that show some."""
