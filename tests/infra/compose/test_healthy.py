"""A container is healthy when its service says so with 200, and not otherwise."""

import asyncio

import pytest

from infra.compose.healthy import answers
from infra.embedded.processes import free_ports


async def asked(answer: bytes) -> bool:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /health/ready HTTP/1.1\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    [port] = free_ports(1)
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        return await asyncio.to_thread(answers, "/health/ready", port=port)


async def test_who_answers_200_is_healthy() -> None:
    assert await asked(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"HTTP/1.1 404 Not Found\r\n\r\n", b""]
)
async def test_who_answers_anything_else_is_not(answer: bytes) -> None:
    assert not await asked(answer)


def test_where_nobody_listens_nothing_is_healthy() -> None:
    [port] = free_ports(1)
    assert not answers("/health/ready", port=port)
