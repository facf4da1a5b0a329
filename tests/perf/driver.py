"""Runs slices: one variant after the other, round after round, each a job for a load process."""

import asyncio
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from tests.perf.cputime import cpu_seconds
from tests.perf.load import Done, Job
from tests.perf.pinning import cores
from tests.perf.slices import Slice, Void, read

_SPARE = 1.5  # so many more requests than the round before used


@dataclass
class Variant:
    """A server to measure, and how requests to it are made; `guess` is its rate at first."""

    port: int
    pid: int
    make: Callable[[int], Sequence[bytes]]
    again: bool = False
    guess: float = 2000.0


async def run_rounds(
    variants: Mapping[str, Variant],
    *,
    rounds: int,
    seconds: float,
    connections: int = 32,
    database: int,
) -> list[dict[str, Slice]]:
    """Run a short round that does not count, then `rounds` that do; a void round is told of and made up for."""
    with suppress(Void):
        await _round(variants, seconds / 2, connections, database)
    counted: list[dict[str, Slice]] = []
    for _ in range(2 * rounds):
        try:
            counted.append(await _round(variants, seconds, connections, database))
        except Void as void:
            sys.stderr.write(f"a round is void: {void}\n")
        if len(counted) == rounds:
            return counted
    raise Void(f"only {len(counted)} of {rounds} rounds could be counted")


async def _round(variants: Mapping[str, Variant], seconds: float, connections: int, database: int) -> dict[str, Slice]:
    done: dict[str, Slice] = {}
    for name, variant in variants.items():
        count = 1 if variant.again else int(variant.guess * seconds * _SPARE)
        job = Job(variant.port, variant.make(count), variant.again, seconds, connections, cores()[1])
        pids = variant.pid, database
        before = [cpu_seconds(pid) for pid in pids]
        load = await _load(job)
        used = [cpu_seconds(pid) - then for pid, then in zip(pids, before, strict=True)]
        try:
            server, postgres = (1e6 * each / max(1, len(load.latencies)) for each in used)
            done[name] = replace(read(load), server=server, database=postgres)
        except Void as void:
            raise Void(f"{name}: {void}") from None
        variant.guess = done[name].rate
    return done


async def _load(job: Job) -> Done:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from tests.perf.load import main; main()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(pickle.dumps(job))
    if process.returncode:
        raise RuntimeError("the load process failed")
    return pickle.loads(out)  # noqa: S301 - from the process started above
