"""Disturbs the simulators from outside, between them and the wire: no endpoint knows of it."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.simulators.faults import Faults, Kind
from infra.simulators.rewording import halved, reworded

LATE_SECONDS = 6.0
"""Longer than identity (5 s) or reuse (4 s) waits."""
SLOW_SECONDS = 0.4

_ENDPOINTS = {
    "/vneid/.well-known/openid-configuration": "vneid.discovery",
    "/vneid/jwks": "vneid.jwks",
    "/vneid/token": "vneid.token",
    "/vneid/userinfo": "vneid.userinfo",
    "/vneid/authorize": "vneid.page",
    "/vneid/person": "vneid.page",
    "/vneid/answer": "vneid.page",
}
_PAGE = b"<!doctype html><title>503</title><p>H\xe1\xbb\x87 th\xe1\xbb\x91ng \xc4\x91ang b\xe1\xba\xa3o tr\xc3\xac.</p>"
_JSON, _HTML = b"application/json", b"text/html; charset=utf-8"
_NO_ANSWERS = (
    b"",
    b"null",
    b"[]",
    b"17",
    b'"found"',
    b'{"outcome": "found", "as_of":',
    b'{"outcome": "perhaps"}',
    b"\xff\xfe{}",
)


def endpoint_of(path: str) -> str | None:
    """Return the name of what may be disturbed at a path; the city's pages, the journal and the switches may not."""
    if path.startswith("/registries/") and path.endswith("/queries"):
        return f"registries.{path.split('/')[2]}"
    return _ENDPOINTS.get(path)


class Hostile:
    """Wraps the simulators. What fails is never passed on to them: nobody was asked, no code is used up."""

    def __init__(self, app: ASGIApp, faults: Faults, *, rotate: Callable[[bool], object]) -> None:
        self._app, self._faults, self._rotate = app, faults, rotate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = endpoint_of(str(scope["path"])) if scope["type"] == "http" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        kind, luck = self._faults.draw(endpoint)
        if kind is None:
            await self._app(scope, receive, send)
        elif kind in _FAILURES:
            await _fail(kind, luck, receive, send)
        elif kind in (Kind.HALF, Kind.REWORDED, Kind.WITHDRAWN):
            await self._rewrite(kind, luck, scope, receive, send)
        else:
            if kind is Kind.SLOW:
                await asyncio.sleep(luck.uniform(0, SLOW_SECONDS))
            if kind is Kind.ROTATED:
                self._rotate(True)
            await self._app(scope, receive, send)

    async def _rewrite(self, kind: Kind, luck: Random, scope: Scope, receive: Receive, send: Send) -> None:
        """Let them answer, and change the body of an answer that is one."""
        started: list[Message] = []
        body = b""

        async def keep(message: Message) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                started.append(message)
            else:
                body += message.get("body", b"")

        await self._app(scope, receive, keep)
        start = started[0]
        changed = self._change(kind, luck, body) if start["status"] == 200 else body
        kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await send({**start, "headers": [*kept, (b"content-length", str(len(changed)).encode())]})
        await send({"type": "http.response.body", "body": changed})

    def _change(self, kind: Kind, luck: Random, body: bytes) -> bytes:
        if kind is Kind.WITHDRAWN:
            self._rotate(False)
            return body
        return halved(body, luck) if kind is Kind.HALF else reworded(body, luck)


_FAILURES = frozenset({Kind.LATE, Kind.ERROR, Kind.RESET, Kind.CUT, Kind.GARBLED, Kind.WRONG_TYPE})


async def _fail(kind: Kind, luck: Random, receive: Receive, send: Send) -> None:
    match kind:
        case Kind.LATE:
            await asyncio.sleep(LATE_SECONDS)
            await _answer(send, 504, b"")
        case Kind.RESET:
            _reset(receive)
        case Kind.CUT:
            await _answer(send, 200, b'{"outcome": "found", "sub": "', promised=400)
        case Kind.GARBLED:
            await _garble(send, luck)
        case Kind.WRONG_TYPE:
            await _answer(send, 200, _PAGE, _HTML)
        case _:
            body, media_type = luck.choice([(b"", _HTML), (_PAGE, _HTML), (b'{"error": "server_error"}', _JSON)])
            await _answer(send, luck.choice([429, 500, 502, 503, 504]), body, media_type)


async def _answer(
    send: Send, status: int, body: bytes, media_type: bytes = _JSON, *, promised: int | None = None
) -> None:
    """Answer; with more bytes promised than sent, the server has to cut the connection."""
    length = str(promised if promised is not None else len(body)).encode()
    headers = [(b"content-type", media_type), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _garble(send: Send, luck: Random) -> None:
    if luck.random() < 0.2:  # says that it is compressed, and is not
        headers = [(b"content-type", _JSON), (b"content-encoding", b"gzip"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})
    else:
        await _answer(send, 200, luck.choice(_NO_ANSWERS))


def _reset(receive: Receive) -> None:
    """Cut the connection under the server's feet; where there is none, as in a test, raise what it would see."""
    transport: Any = getattr(getattr(cast(object, receive), "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError
    transport.abort()
