"""The one public port: routes by the first segment of the path to the service that owns it, refuses all else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import aclosing
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2
from opentelemetry.sdk.trace import TracerProvider
from starlette.responses import RedirectResponse

from shared.errors import NotFound, Problem, Unavailable
from shared.problems import BodyTooLarge, problem_response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

WELL_KNOWN = "/.well-known/oauth-authorization-server/identity"
"""Where RFC 8414 §3.1 puts the metadata of the issuer `…/identity`."""

LARGEST_BODY = 1 << 20
"""Bytes. The services have tighter limits of their own; this one keeps a stranger from filling our memory."""

_TRACER = TracerProvider().get_tracer("edge")
_TAKEN_WITHIN = 30.0
"""Seconds for a piece: whoever takes nothing for longer is not waited for."""
_HOP_BY_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"host"}


def edge(services: Mapping[str, Application]) -> Application:
    """Return the application of the public port; inside routes (`/internal/…`) are no service's and so do not exist."""

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # start-up and shut-down are the services' own business; websockets nobody has
        path = str(scope["path"])
        if path == "/":  # somebody typed the address: she most likely wants to see what is hers
            await RedirectResponse("/consent/me", status_code=303)(scope, receive, send)
            return
        service = services.get("identity" if path == WELL_KNOWN else path.split("/")[1])
        if service is None or ".." in path.split("/"):
            await _refuse(NotFound(), scope, receive, send)
        else:
            await service(scope, receive, send)

    return route


def passing_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """Make the client of a proxy: it keeps no cookies, for those of one browser are no other's."""
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx2.AsyncClient(cookies=jar, transport=transport, timeout=30, follow_redirects=False, trust_env=False)


def proxy(base_url: str, client: httpx2.AsyncClient) -> Application:
    """Return an application that passes requests on to a service that runs in a process of its own."""
    return balancing(lambda: [base_url], client)


def balancing(addresses: Callable[[], Iterable[str]], client: httpx2.AsyncClient) -> Application:
    """Return an application that passes each request on to the first of the addresses, as they are then, that takes it.

    Only one that never got it is passed over: what was sent may have had its effect, and is its sender's to repeat.
    """

    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            await _refuse(BodyTooLarge(), scope, receive, send)
            return
        sent = await _send(scope, body, addresses(), client)
        if sent is None:
            await _refuse(Unavailable(), scope, receive, send)
            return
        answer, whole = sent
        async with aclosing(answer):
            headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP_BY_HOP]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
            if whole is not None:
                await send({"type": "http.response.body", "body": whole})
            else:
                await _pass_on(answer, receive, send)

    return forward


async def _send(
    scope: Scope, body: bytes, addresses: Iterable[str], client: httpx2.AsyncClient
) -> tuple[httpx2.Response, bytes | None] | None:
    """Return an answer, with its body if that has a length: it is not passed on before it is whole."""
    for base_url in addresses:
        request = client.build_request(
            scope["method"],
            httpx2.URL(base_url, raw_path=bytes(scope["raw_path"]) + _query(scope)),
            headers=[(name, value) for name, value in scope["headers"] if name not in _HOP_BY_HOP],
            content=body,
        )
        try:
            answer = await client.send(request, stream=True, follow_redirects=False)
            return answer, await _whole(answer) if "content-length" in answer.headers else None
        except httpx2.ConnectError:
            continue
        except httpx2.TransportError:
            return None
    return None


async def _whole(answer: httpx2.Response) -> bytes:
    async with aclosing(answer):
        return b"".join([piece async for piece in answer.aiter_raw()])


async def _pass_on(answer: httpx2.Response, receive: Receive, send: Send) -> None:
    """Send a body on as it comes, as long as somebody takes it; one that breaks off is broken off here too."""
    copying, leaving = asyncio.ensure_future(_copy(answer, send)), asyncio.ensure_future(receive())
    try:
        await asyncio.wait({copying, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        copying.cancel()
        await asyncio.gather(leaving, copying, return_exceptions=True)


async def _copy(answer: httpx2.Response, send: Send) -> None:
    async with aclosing(answer.aiter_raw()) as pieces:
        async for piece in pieces:
            async with asyncio.timeout(_TAKEN_WITHIN):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _query(scope: Scope) -> bytes:
    return b"?" + bytes(scope["query_string"]) if scope["query_string"] else b""


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body; None when it is larger than anybody here accepts."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body"):
            return body


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as the services do, for what never reaches one."""
    with _TRACER.start_as_current_span("edge"):
        response = problem_response(problem)
    response.headers["cache-control"] = "no-store"
    await response(scope, receive, send)
