"""The one middleware of every service, pure ASGI: trace, log line, body limit, headers, and the answer to a bug."""

import asyncio
import time
from collections.abc import Callable

from opentelemetry.trace import Span, Status, StatusCode
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log
from shared.errors import Problem, Unavailable
from shared.measures import REQUESTS
from shared.problems import BodyTooLarge, HeadersTooLarge, InternalError, UnsupportedMediaType
from shared.telemetry import Telemetry

COOKIES = "motlan.cookies"
"""In the scope: `Set-Cookie` values to send with whatever answer is made."""

DEFAULT_HEADERS: dict[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""What an answer carries unless its route says otherwise."""

MOST_HEADERS, LONGEST_HEADERS = 100, 32 * 1024
BODY_SECONDS = 10.0
"""For a whole body: 64 KiB in this time is slower than any line."""


class Kernel:
    """Wraps a service's routes. `render` answers a problem; `secure` is whether browsers reach us over TLS."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        tracer: Telemetry,
        render: Callable[[Scope, Problem], Response],
        secure: bool,
        max_body: int,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._service = service
        self._tracer = tracer
        self._render = render
        headers = DEFAULT_HEADERS | ({"strict-transport-security": "max-age=31536000"} if secure else {})  # RFC 6797
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._scheme = {"url.scheme": "https" if secure else "http"}
        self._max_body = max_body
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        inside, asked_often = scope["path"].startswith("/internal/"), scope["path"].startswith("/health")
        told = _header(scope, b"traceparent")
        with (
            self._tracer.request(scope["method"], told, inside=inside, recorded=not asked_often) as span,
            log.bound(service=self._service),
        ):
            await self._serve(scope, receive, send, span)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        started = time.perf_counter()  # a duration, not a time of day
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message, scope)
            await send(message)

        try:
            if refused := self._find_excess(scope):
                await self._render(scope, refused)(scope, receive, send_with_headers)
            else:
                await self._app(scope, _bounded(receive, self._max_body, self._body_seconds), send_with_headers)
        except asyncio.CancelledError:  # the process is ending, and has waited for this one long enough
            if status == 0:
                await self._render(scope, Unavailable())(scope, receive, send_with_headers)
            raise
        except Exception as error:  # noqa: BLE001 - the one place where a bug becomes an answer
            outage = error.__cause__  # of what Starlette raises when it is too late for an answer that tells of it
            if status and isinstance(outage, Unavailable):
                log.warning("answer_broken_off", code=outage.code, route=route_template(scope))
                span.set_status(Status(StatusCode.ERROR))
                return
            log.error("unhandled_exception", error, route=route_template(scope))
            if status == 0:
                await self._render(scope, InternalError())(scope, receive, send_with_headers)
        finally:
            self._finish(span, scope, status, started)

    def _finish(self, span: Span, scope: Scope, status: int, started: float) -> None:
        route, took = route_template(scope), time.perf_counter() - started
        span.update_name(f"{scope['method']} {route}")
        labels = {"http.request.method": scope["method"], "http.route": route, "http.response.status_code": status}
        span.set_attributes(labels)
        if status >= 500 or not status:  # OpenTelemetry, HTTP server spans: a refusal is no error of ours
            span.set_status(Status(StatusCode.ERROR))
        self._tracer.record(REQUESTS, took, labels | self._scheme)
        log.info("request", method=scope["method"], route=route, status=status, duration_ms=round(took * 1000, 1))

    def _find_excess(self, scope: Scope) -> Problem | None:
        headers = scope["headers"]
        if len(headers) > MOST_HEADERS or sum(len(name) + len(value) for name, value in headers) > LONGEST_HEADERS:
            return HeadersTooLarge()
        length = _header(scope, b"content-length") or "0"
        if not length.isdecimal() or len(length) > 15 or int(length) > self._max_body:
            return BodyTooLarge()
        # No route takes one; its parser uses any codec that the sender names, and some hold the loop for seconds.
        if (_header(scope, b"content-type") or "").strip().lower().startswith("multipart/"):
            return UnsupportedMediaType()
        return None

    def _add_headers(self, message: Message, scope: Scope) -> None:
        headers: list[tuple[bytes, bytes]] = message["headers"]
        names = {name for name, _ in headers}
        headers += [each for each in self._headers if each[0] not in names]
        headers += [(b"set-cookie", cookie.encode("latin-1")) for cookie in scope.get(COOKIES, ())]
        if message["status"] in _UNREAD:
            headers.append((b"connection", b"close"))


_UNREAD = {408, 413, 415, 431}  # the rest of the request is of no interest: nothing more is read from this connection


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for each, value in scope["headers"] if each == name), None)


def _bounded(receive: Receive, limit: int, seconds: float) -> Receive:
    """Count a body while it is read, for it may come in chunks without saying how long it will be, and bound the time.

    HTTPException is the one exception FastAPI lets through while it reads a body.
    """
    size, whole = 0, False
    deadline = asyncio.get_running_loop().time() + seconds

    async def receive_bounded() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()  # waits for a disconnect, for as long as the answer takes
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408) from None
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413)
        whole = not message.get("more_body")
        return message

    return receive_bounded


def route_template(scope: Scope) -> str:
    """Name the route taken, with its placeholders: a path may hold somebody's identifiers, a template never."""
    return getattr(scope.get("route"), "path", None) or "(no route)"
