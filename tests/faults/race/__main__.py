"""The long run: `python -m tests.faults.race --races 20000 --seed N` prints one page."""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.faults.processes import end_at_sigterm
from tests.faults.race.checking import judge
from tests.faults.race.disturbing import commits_held, consent_frozen, relay_held
from tests.faults.race.field import Field, field_in
from tests.faults.race.log import read_log
from tests.faults.race.racing import Pace, Race, Races, races
from tests.faults.race.report import Part, report

_BATCH = 200
_SHARE = 100  # for each disturbance one race in so many of the undisturbed ones
_FAST = Pace(late_tries=0.25)
_CALM = Pace(withdraw_within=0.5, pause=0.25)
_DISTURBANCES: Mapping[str, Callable[[Field], AbstractAsyncContextManager[None]]] = {
    "consent's events late": relay_held,
    "a replica of consent frozen, its relay with it": consent_frozen,
    "commits of releases slow": partial(commits_held, table="release", on="INSERT", seconds=4.5),
    "commits of withdrawals slow": partial(
        commits_held, table="consent_grant", on="UPDATE OF withdrawn_at", seconds=4.5, database="consent"
    ),
}


async def run(count: int, seed: int, at_once: int, replicas: int, data: Path) -> tuple[str, bool]:
    """Race so often and return the report, and whether the promise was kept."""
    rng = Random(seed)  # noqa: S311 - repeatable
    async with field_in(data, replicas=replicas) as field:
        parts = {"undisturbed": await _part(field, count, rng, _FAST, at_once)}
        for name, disturbed in _DISTURBANCES.items():
            citizens = await field.town.citizens(max(8, count // _SHARE), "keeping", "release")
            async with disturbed(field):
                parts[name] = await _timed(races(field.hands, citizens, rng, _CALM, at_once=12))
        await field.until_sealed()
        log = await read_log(field.running)
    verdicts = {name: judge(part.runs, log) for name, part in parts.items()}
    kept = not any(verdict.violations for verdict in verdicts.values())
    return report(parts, verdicts, seed=seed, leaves=log.leaves), kept


async def _part(field: Field, count: int, rng: Random, pace: Pace, at_once: int) -> Part:
    return await _timed(_without_a_pause(field, count, rng, pace, at_once))


async def _timed(racing: Coroutine[None, None, list[Race]]) -> Part:
    started = time.monotonic()
    return Part(await racing, time.monotonic() - started)


async def _without_a_pause(field: Field, count: int, rng: Random, pace: Pace, at_once: int) -> list[Race]:
    """Race; the next citizens are born while others race."""
    begun, births = 0, field.town.citizens(min(_BATCH, count), "keeping", "release")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(births)
        many = Races(field.hands, rng, pace, at_once=at_once, group=group)
        while begun < count:
            citizens = await waiting
            begun += len(citizens)
            if begun < count:
                waiting = group.create_task(field.town.citizens(min(_BATCH, count - begun), "keeping", "release"))
            await many.start(citizens)
            sys.stderr.write(f"\r{begun} of {count}\n"[: None if begun == count else -1])
            sys.stderr.flush()
    return many.runs()


def main() -> int:
    """Run, print, and say by the exit code whether the promise was kept."""
    options = argparse.ArgumentParser(prog="python -m tests.faults.race", description="Withdrawal against release.")
    options.add_argument("--races", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=secrets.randbits(32))
    options.add_argument("--at-once", type=int, default=8, help="races under way at a time")
    options.add_argument("--replicas", type=int, default=3, help="of consent and of reuse")
    given = options.parse_args()
    end_at_sigterm()
    with TemporaryDirectory(prefix="motlan-race-") as directory:
        told, kept = asyncio.run(run(given.races, given.seed, given.at_once, given.replicas, Path(directory)))
    sys.stdout.write(told + "\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
