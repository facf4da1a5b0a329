"""The route in front: plain requests are served without the framework, whatever else comes reaches it untouched."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import ids
from shared.bodies import Body, View
from shared.errors import NotFound, Unauthenticated
from shared.front import Front, Fronted, Plain
from shared.problems import problem_response
from shared.tokens import Presented

UID = ids.new()
PATH = f"/things/{UID}/uses"


class Use(Body):
    """What is asked."""

    of: UUID


class Used(View):
    """What is answered."""

    uid: UUID
    of: UUID


class Framework:
    """Stands behind: notes what reaches it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body and answer 418."""
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.received.append(body)
        await Response(status_code=418)(scope, receive, send)


async def use(asked: Plain[Use]) -> Used:
    """Serve."""
    if asked.body.of == UID:
        raise NotFound
    return Used(uid=asked.uid, of=asked.body.of)


async def present(_: Scope, authorization: Sequence[str], proofs: Sequence[str], now: datetime) -> Presented:
    """Know whoever shows both."""
    if (authorization, proofs) != (["DPoP token"], ["proof"]):
        raise Unauthenticated
    return cast(Presented, None)


def fronted_by(framework: ASGIApp) -> Fronted:
    """Put the route in front of it."""
    front = Front("/things/{thing_uid}/uses", Use, use)
    return Fronted(framework, front=front, present=present, render=lambda _, problem: problem_response(problem))


class _App:
    state = None


async def send(framework: Framework, path: str = PATH, *, method: str = "POST", **how: Any) -> httpx2.Response:
    """Send a request that is plain unless told otherwise."""
    fronted = fronted_by(framework)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = _App
        await fronted(scope, receive, send)

    headers = {"authorization": "DPoP token", "dpop": "proof", "content-type": "application/json"}
    asked: dict[str, Any] = {"content": f'{{"of":"{ids.new()}"}}', "headers": headers} | how
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://t") as http:
        return await http.request(method, path, **asked)


async def test_a_plain_request_is_served_without_the_framework() -> None:
    framework, of = Framework(), ids.new()
    answer = await send(framework, content=f'{{"of":"{of}"}}')
    assert (answer.status_code, answer.json()) == (200, {"uid": str(UID), "of": str(of)})
    assert answer.headers["content-type"] == "application/json"
    assert framework.received == []


async def test_a_problem_is_answered_as_one() -> None:
    answer = await send(framework := Framework(), content=f'{{"of":"{UID}"}}')
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert framework.received == []


async def test_credentials_are_looked_at_here_too() -> None:
    answer = await send(Framework(), headers={"content-type": "application/json", "dpop": "proof"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"nothing", b'{"of":7}', b'{"of":"%s","more":1}' % str(UID).encode(),
     b'{"of":"%s","of":"%s"}' % (str(UID).encode(), str(UID).encode()), b"[" * 100_000],
    ids=lambda content: content[:12].decode(),
)  # fmt: skip
async def test_a_body_that_is_not_as_agreed_reaches_the_framework_unchanged(content: bytes) -> None:
    framework = Framework()
    assert (await send(framework, content=content)).status_code == 418
    assert framework.received == [content]


_PLAIN = {"authorization": "DPoP token", "dpop": "proof", "content-type": "application/json"}


@pytest.mark.parametrize(
    "headers",
    [
        _PLAIN | {"content-type": "application/json; charset=utf-8"},
        _PLAIN | {"content-type": "text/plain"},
        _PLAIN | {"idempotency-key": '"0123456789abcdef"'},
        _PLAIN | {"content-encoding": "gzip"},
        [*_PLAIN.items(), ("content-type", "application/json")],
    ],
    ids=str,
)
async def test_a_request_whose_headers_ask_for_more_reaches_the_framework(headers: Any) -> None:
    assert (await send(Framework(), headers=headers)).status_code == 418


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{PATH}?a=1"),
        ("POST", f"/things/{UID.hex}/uses"),
        ("POST", f"{PATH}/"),
        ("POST", f"/more{PATH}"),
        ("PUT", PATH),
    ],
)
async def test_another_address_reaches_the_framework(method: str, path: str) -> None:
    assert (await send(Framework(), path, method=method)).status_code == 418


async def pieces() -> AsyncGenerator[bytes]:
    """Send a body bit by bit."""
    yield b'{"of":'
    yield b'"x"}'


async def test_a_body_of_untold_length_reaches_the_framework_whole() -> None:
    framework = Framework()
    assert (await send(framework, content=pieces())).status_code == 418
    assert framework.received == [b'{"of":"x"}']


async def test_a_body_in_pieces_reaches_the_framework_whole() -> None:
    framework = Framework()
    answer = await send(framework, content=pieces(), headers=_PLAIN | {"content-length": "10"})
    assert answer.status_code == 418
    assert framework.received == [b'{"of":"x"}']


async def test_a_body_that_is_too_slow_is_the_frameworks_to_refuse() -> None:
    async def framework(_: Scope, receive: Receive, __: Send) -> None:
        with pytest.raises(HTTPException):
            await receive()
        raise KeyError

    async def receive() -> Message:
        raise HTTPException(408)

    scope: Scope = {
        "type": "http", "method": "POST", "path": PATH, "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"10")],
    }  # fmt: skip
    with pytest.raises(KeyError):
        await fronted_by(framework)(scope, receive, cast(Send, None))
