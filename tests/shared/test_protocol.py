"""A head without end, or one that never ends, holds no connection and no memory."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
import uvicorn

from shared.protocol import LARGEST_HEAD, BoundedProtocol


class Hurried(BoundedProtocol):
    """One that waits for a moment only."""

    head_seconds = 0.3


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything alike."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    config = uvicorn.Config(hello, port=0, http=Hurried, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield server.servers[0].sockets[0].getsockname()[1]
    await server.shutdown()


async def said(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Send pieces and return what came back until the connection was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        return b"closed"
    finally:
        writer.close()


GET = b"GET / HTTP/1.1\r\nhost: a\r\n"


async def test_a_whole_head_is_answered_and_the_connection_kept_for_the_next(port: int) -> None:
    answer = await said(port, GET + b"\r\n", GET + b"\r\n", GET + b"connection: close\r\n\r\n", pause=0.05)
    assert answer.count(b"200 OK") == 3


@pytest.mark.parametrize("sent", [[b"GET"], [GET], [GET, b"x-a: 1\r\n", b"x-b: 2\r\n"]], ids=len)
async def test_a_head_that_does_not_arrive_in_time_is_not_waited_for(port: int, sent: list[bytes]) -> None:
    assert (await said(port, *sent)).startswith(b"HTTP/1.1 408")


async def test_who_says_nothing_is_let_go_without_a_word(port: int) -> None:
    assert await said(port) == b""


async def test_the_next_head_on_a_kept_connection_is_waited_for_no_longer(port: int) -> None:
    answer = await said(port, GET + b"\r\n", GET, pause=0.05)
    assert answer.count(b"200 OK") == 1
    assert b"HTTP/1.1 408" in answer


@pytest.mark.parametrize("line", [b"x-%d: " + b"a" * 1000 + b"\r\n", b"a" * 1000], ids=["many", "one"])
async def test_a_head_without_end_is_cut(port: int, line: bytes) -> None:
    pieces = [GET + b"x: ", *([line.replace(b"%d", b"1")] * (LARGEST_HEAD // 500))]
    answer = await said(port, *pieces)
    assert answer == b"closed" or answer.startswith(b"HTTP/1.1 431")


async def test_a_long_body_is_no_long_head(port: int) -> None:
    body = b"x" * (4 * LARGEST_HEAD)
    head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    assert (await said(port, head, body)).startswith(b"HTTP/1.1 200")
