"""Serves a busy route in front of the framework: what is plainly right is done here, all else falls through to it."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock, strictness
from shared.bodies import Body, View
from shared.errors import Problem
from shared.tokens import Presented

B = TypeVar("B", bound=Body)
_UID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"


@dataclass(frozen=True, slots=True)
class Plain(Generic[B]):
    """A request that needs none of the framework: the uid in its path, its body, who presented what, and when."""

    state: Any  # of the application
    uid: UUID
    body: B
    presented: Presented
    now: datetime


@dataclass(frozen=True)
class Front(Generic[B]):
    """A `POST` route with one uid in its path, which the framework has too: `serve` calls what that one calls.

    The framework's routing, dependencies and answers cost as much as a release does (docs/performance.md). Only a
    request that is right in every part is served here. Any other is the framework's to refuse, so that there is one
    place that says why.
    """

    path: str  # as the framework has it, with a `{uid}` of any name
    body: type[B]
    serve: Callable[[Plain[B]], Awaitable[View]]


class Fronted:
    """The application with a route in front of it; `present` verifies credentials, `render` answers a problem."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        front: Front[Any],
        present: Callable[[Scope, Sequence[str], Sequence[str], datetime], Awaitable[Presented]],
        render: Callable[[Scope, Problem], Response],
    ) -> None:
        self._app, self._front, self._present, self._render = app, front, present, render
        self._matches = re.compile(re.sub(r"\{\w+\}", _UID, front.path)).fullmatch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a plain request, or pass it on with what was read of it."""
        match = self._matches(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if match is None or scope["query_string"] or not (headers := _plain_headers(scope)):
            return await self._app(scope, receive, send)
        try:
            message = await _receive_whole(receive)
        except HTTPException as refusal:  # too slow: the framework says so
            return await self._app(scope, _refusing(refusal), send)
        body = _read(self._front.body, message)
        if body is None:
            return await self._app(scope, _first(message, receive), send)
        scope["route"] = self._front  # for the log
        response = await self._answer(scope, UUID(match[1]), body, headers)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, uid: UUID, body: Body, headers: "_Headers") -> Response:
        now = clock.now()
        try:
            presented = await self._present(scope, headers.authorization, headers.proofs, now)
            view = await self._front.serve(Plain(scope["app"].state, uid, body, presented, now))
        except Problem as problem:
            return self._render(scope, problem)
        return Response(view.model_dump_json(), media_type="application/json")


@dataclass(slots=True)
class _Headers:
    authorization: list[str]
    proofs: list[str]


def _plain_headers(scope: Scope) -> _Headers | None:
    """Return the credentials of a request whose headers ask for nothing else that would matter."""
    found, is_json, has_length = _Headers([], []), False, False
    for name, value in scope["headers"]:
        match name:
            case b"authorization":
                found.authorization.append(value.decode("latin-1"))
            case b"dpop":
                found.proofs.append(value.decode("latin-1"))
            case b"content-type":
                is_json = value == b"application/json" and not is_json
            case b"content-length":
                has_length = True
            case b"idempotency-key" | b"transfer-encoding" | b"content-encoding":
                return None
            case _:
                pass
    return found if is_json and has_length else None


async def _receive_whole(receive: Receive) -> Message:
    """Read a body, whose length was told and allowed, as if it had come in one piece."""
    message = await receive()
    while message.get("more_body"):
        more = await receive()
        if more["type"] != "http.request":
            return more
        message = {**more, "body": message["body"] + more.get("body", b"")}
    return message


def _read(model: type[B], message: Message) -> B | None:
    """Return the body if there is one as the contract says."""
    if message["type"] != "http.request":
        return None
    try:
        strictness.check(message["body"])
        return model.model_validate(orjson.loads(message["body"]))
    except (Problem, orjson.JSONDecodeError, ValidationError):
        return None


def _refusing(refusal: HTTPException) -> Receive:
    async def receive_nothing() -> Message:
        raise refusal

    return receive_nothing


def _first(message: Message, receive: Receive) -> Receive:
    """Give back what was read."""
    read = [message]

    async def receive_again() -> Message:
        return read.pop() if read else await receive()

    return receive_again
