"""Kills processes and servers while stories are played: at named points, or at any moment."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from infra.embedded.gateway import DidNotStart
from infra.embedded.processes import StackError
from tests.faults.processes import Running, System

DYING = "tests.faults.kills.dying"
_STARTS_WITHIN = 90.0


@dataclass(frozen=True)
class Death:
    """One kill: of whom, where (None: at any moment), and how many seconds until it was ready again."""

    whose: str
    point: str | None
    back_after: float


def make_mortal(running: System, service: str) -> None:
    """Have a service, which does not run yet, started so that it can be told where to die."""
    process = running[service]
    process.module = DYING
    process.environment |= {"DYING_AS": service, "DYING_ORDER": str(running.data / f"{service}.order")}


async def die_at(running: System, service: str, point: str, *, within: float) -> Death | None:
    """Have a service die at a point and start it again; None when it did not come there in so many seconds."""
    process = running[service]
    order = running.data / f"{service}.order"
    written = order.with_suffix(".new")
    written.write_text(point, "utf-8")
    written.rename(order)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.ended(), within)
    order.unlink(missing_ok=True)
    if process.alive:
        return None
    if f"died at {point}" not in _last_words(process):
        raise AssertionError(f"{service} ended otherwise than at {point}:\n{_last_words(process)}")
    return Death(service, point, await _back(process))


async def die_now(running: System, service: str) -> Death:
    """Kill a service where it stands and start it again."""
    await running[service].kill()
    return Death(service, None, await _back(running[service]))


async def kafka_dies(running: System) -> Death:
    """Kill the broker and start it again."""
    await running.kill_kafka()
    return Death("kafka", None, await _timed(running.start_kafka))


async def postgres_dies(running: System) -> Death:
    """Kill the database server with all its processes, as a power cut does, and start it again."""
    postmaster = psutil.Process(running.stack.postgres._server.pid)
    backends = postmaster.children(recursive=True)
    os.kill(postmaster.pid, signal.SIGSTOP)  # so that it starts no other before its own end
    for backend in backends:
        with suppress(psutil.NoSuchProcess):
            backend.kill()
    await running.kill_postgres()
    return Death("postgres", None, await _timed(running.start_postgres))


async def _back(process: Running) -> float:
    async def start() -> None:
        await (process.ready() if process.alive else process.start())

    return await _timed(start)


async def _timed(start: Callable[[], Awaitable[None]]) -> float:
    """Start until it succeeds: what it needs may be dead as well, or not gone yet. Returns the seconds it took."""
    begun = time.monotonic()
    while True:
        try:
            await start()
        except (DidNotStart, StackError, TimeoutError):
            if time.monotonic() - begun > _STARTS_WITHIN:
                raise
            await asyncio.sleep(0.3)
        else:
            return time.monotonic() - begun


def _last_words(process: Running) -> str:
    return "\n".join(process.log.read_text("utf-8", "replace").splitlines()[-5:])
