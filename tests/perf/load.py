"""The load: a raw HTTP/1.1 client, in a process of its own that is told its job by a pipe.

It sends requests that were made beforehand, byte for byte, on connections that stay open, one at a time on each.
"""

import asyncio
import pickle
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.perf.pinning import pin

_PATIENCE = 20.0  # seconds for the answers that are still out when the time is over
_LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Job:
    """What to send, where, for how long; `again` lets the requests be sent more than once."""

    port: int
    requests: Sequence[bytes]
    again: bool
    seconds: float
    connections: int
    core: int


@dataclass
class Done:
    """What came of it: how long each good answer took, and the first of the others."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list[float])
    bad: int = 0
    first_bad: str = ""
    ran_out: bool = False


class _Source:
    """Deals out requests until they or the time run out; it is over when all that were sent are answered.

    So no request is broken off, which would cost some servers their database connections, and all answers count.
    """

    def __init__(self, job: Job) -> None:
        self._requests, self._again, self._next, self._open = job.requests, job.again, 0, 0
        self.until = 0.0
        self.done = Done()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def deal(self, now: float) -> bytes | None:
        """Return the next request, or None when it is over."""
        if self._next == len(self._requests):
            self.done.ran_out = not self._again
            self._next = 0 if self._again else self._next
        if now >= self.until or self.done.ran_out:
            return None
        self._next += 1
        self._open += 1
        return self._requests[self._next - 1]

    def answered(self) -> None:
        """Note that a request is answered."""
        self._open -= 1

    def rest(self) -> None:
        """Note that a connection has nothing more to send."""
        if not self._open:
            self.finish()

    def finish(self) -> None:
        """End the slice, and whatever is still out with it."""
        if not self.finished.done():
            self.finished.set_result(None)


class _Connection(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the one before is complete."""

    def __init__(self, source: _Source) -> None:
        self._source, self._answer, self._missing, self._sent = source, b"", 0, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._write = cast(asyncio.WriteTransport, transport).write

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that the server closed in the middle as a bad answer."""
        if not self._source.finished.done():
            self._source.done.bad += 1
            self._source.done.first_bad = self._source.done.first_bad or f"connection lost: {exc!r}"
            self._source.finish()

    def start(self, now: float) -> None:
        """Send the next request, if there is one."""
        if request := self._source.deal(now):
            self._sent = now
            self._write(request)
        else:
            self._source.rest()

    def data_received(self, data: bytes) -> None:
        """Collect one answer; where it is whole, note it and go on."""
        if self._missing:
            self._missing -= len(data)
            self._answer += data
        else:
            self._answer += data
            head = self._answer.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(self._answer, 0, head + 2)
            self._missing = (int(length[1]) if length else 0) + head + 4 - len(self._answer)
        if self._missing <= 0:
            self._complete(time.perf_counter())

    def _complete(self, now: float) -> None:
        done, answer = self._source.done, self._answer
        self._answer, self._missing = b"", 0
        self._source.answered()
        if answer.startswith(b"HTTP/1.1 200"):
            done.latencies.append(now - self._sent)
        else:
            done.bad += 1
            done.first_bad = done.first_bad or answer[:2000].decode("latin-1")
        self.start(now)


async def run(job: Job) -> Done:
    """Open the connections, then send for so many seconds."""
    source = _Source(job)
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(source), "127.0.0.1", job.port) for _ in range(job.connections)
    ]
    started = time.perf_counter()
    source.until = started + job.seconds
    loop.call_later(job.seconds + _PATIENCE, source.finish)
    for _, connection in opened:
        connection.start(time.perf_counter())
    await source.finished
    source.done.seconds = time.perf_counter() - started
    for transport, _ in opened:
        transport.close()
    return source.done


def main() -> None:
    """Read one job, run it, and write what came of it."""
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    pin(job.core)
    done = uvloop.run(run(job))
    pickle.dump(done, sys.stdout.buffer)
