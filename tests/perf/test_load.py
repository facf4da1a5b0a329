"""The load counts what a server answers, whole answers only, and nothing that is not 200 as good."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from tests.perf.load import Done, Job, run

ASK = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


@asynccontextmanager
async def answering(*answers: Sequence[bytes]) -> AsyncGenerator[int]:
    """Serve these answers in turn, each in the pieces it is given in."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for pieces in answers:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def send(port: int, count: int) -> Done:
    return await run(Job(port, [ASK] * count, again=False, seconds=5.0, connections=1, core=0))


async def test_an_answer_that_comes_in_pieces_is_one_answer() -> None:
    async with answering([GOOD[:10], GOOD[10:40], GOOD[40:]], [GOOD]) as port:
        done = await send(port, 2)
    assert (len(done.latencies), done.bad) == (2, 0)


async def test_an_answer_that_is_not_200_is_counted_apart_and_the_first_is_kept() -> None:
    async with answering([GOOD], [BAD], [GOOD]) as port:
        done = await send(port, 3)
    assert (len(done.latencies), done.bad) == (2, 1)
    assert done.first_bad.startswith("HTTP/1.1 503")


async def test_a_connection_closed_in_the_middle_voids_the_slice() -> None:
    async with answering([GOOD], [GOOD[:10]]) as port:
        done = await send(port, 3)
    assert done.bad == 1


async def test_a_slice_ends_early_when_its_requests_run_out() -> None:
    async with answering([GOOD], [GOOD], [GOOD]) as port:
        done = await send(port, 3)
    assert done.ran_out
    assert done.seconds < 5.0
