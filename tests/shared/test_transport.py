"""A connection that is reset while it is made is an outage of the other end, and no bug of ours; a bug stays one."""

import socket
from typing import Any

import anyio
import httpx2
import pytest
import uvloop
from anyio.abc import ByteStream

from shared.inside import TIMEOUT
from shared.transport import Transport, http_client


def test_a_connection_reset_while_it_is_made_is_a_connection_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = anyio.connect_tcp

    async def connect_and_be_reset(*where: Any, **options: Any) -> ByteStream:
        stream = await connect(*where, **options)
        await stream.aclose()  # what a reset does to it before AnyIO has stopped reading
        await anyio.sleep(0.05)
        return stream

    async def ask() -> None:
        async with http_client(timeout=TIMEOUT) as http:
            await http.get(f"http://127.0.0.1:{server.getsockname()[1]}")

    monkeypatch.setattr(anyio, "connect_tcp", connect_and_be_reset)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(httpx2.ConnectError):
        uvloop.run(ask())


@pytest.mark.parametrize("bug", [AttributeError("x", name="getpeername", obj=object()), AttributeError("x", name="y")])
async def test_a_bug_stays_a_bug(bug: AttributeError, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise bug

    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", fail)
    with pytest.raises(AttributeError):
        await Transport().handle_async_request(httpx2.Request("GET", "http://inside"))
