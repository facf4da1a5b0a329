"""The long run: `python -m tests.faults.race --races 20000 --seed N` prints one page."""

import argparse
import asyncio
import secrets
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.faults.processes import system
from tests.faults.race.checking import judge
from tests.faults.race.field import Field, field_of
from tests.faults.race.log import read_log
from tests.faults.race.racing import Pace, Race, Races
from tests.faults.race.report import report

_BATCH = 200


async def run(count: int, seed: int, at_once: int, data: Path) -> str:
    """Race so often and return the report."""
    async with system(data) as running, field_of(running) as field:
        started, runs = time.monotonic(), await _all(field, count, Random(seed), at_once)  # noqa: S311 - repeatable
        raced = time.monotonic() - started
        await field.until_sealed()
        verdict = judge(runs, await read_log(running))
        return report(verdict, runs, seed=seed, seconds=raced)


async def _all(field: Field, count: int, rng: Random, at_once: int) -> list[Race]:
    """Race without a pause: the next citizens are born while others race."""
    begun, births = 0, field.town.citizens(min(_BATCH, count), "keeping", "release")
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(births)
        many = Races(field.hands, rng, Pace(), at_once=at_once, group=group)
        while begun < count:
            citizens = await waiting
            begun += len(citizens)
            if begun < count:
                waiting = group.create_task(field.town.citizens(min(_BATCH, count - begun), "keeping", "release"))
            await many.start(citizens)
            sys.stderr.write(f"\r{begun} of {count}")
            sys.stderr.flush()
    return many.runs()


def main() -> int:
    """Run, print, and say by the exit code whether the promise was kept."""
    options = argparse.ArgumentParser(prog="python -m tests.faults.race", description="Withdrawal against release.")
    options.add_argument("--races", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=secrets.randbits(32))
    options.add_argument("--at-once", type=int, default=8, help="races under way at a time")
    given = options.parse_args()
    with TemporaryDirectory(prefix="motlan-race-") as directory:
        told = asyncio.run(run(given.races, given.seed, given.at_once, Path(directory)))
    sys.stdout.write(told + "\n")
    return 1 if "VIOLATIONS" in told else 0


if __name__ == "__main__":
    sys.exit(main())
