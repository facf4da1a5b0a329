"""The long run: `python -m tests.faults.kills --kills 500 --seed N` prints one page."""

import argparse
import asyncio
import secrets
import sys
import time
from collections.abc import Mapping
from itertools import chain, islice, repeat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from infra.embedded.keyring import SERVICES
from tests.faults.kills.campaign import SERVERS, campaign_in, points_of
from tests.faults.kills.checking import gather, judge
from tests.faults.kills.points import POINTS, reachable
from tests.faults.kills.report import report
from tests.faults.processes import end_at_sigterm

_SERVER_EACH = 25
"""Of so many kills one is Kafka's and one PostgreSQL's."""
_ANY_MOMENT_EACH = 4
"""Of so many kills of a service one is at no named point."""


async def run(kills: int, seed: int, data: Path) -> tuple[str, bool]:
    """Kill so often and return the report, and whether every promise was kept."""
    rng, begun = Random(seed), time.monotonic()  # noqa: S311 - repeatable
    async with campaign_in(data) as campaign:
        await campaign.run(shared_out(kills, rng), rng)
        bundle = await campaign.end()
        found = await gather(campaign.running)
        violations = judge(campaign, found, bundle)
    told = report(campaign, violations, seed=seed, leaves=len(found.leaves), seconds=time.monotonic() - begun)
    return told, not any(violations.values())


def shared_out(kills: int, rng: Random) -> Mapping[str, list[str | None]]:
    """Share kills out among services, at their points in turn and at any moment, and servers."""
    servers: dict[str, list[str | None]] = {name: [None] * (kills // _SERVER_EACH) for name in SERVERS}
    left = kills - sum(map(len, servers.values()))
    known = [name for name, point in POINTS.items() if reachable(point)]
    services = {name: _drawn(points_of(name, known), left // len(SERVICES), rng) for name in SERVICES}
    return {**services, **servers}


def _drawn(points: list[str | None], count: int, rng: Random) -> list[str | None]:
    """Return so many: every point once, in an order of chance, before any comes again."""
    turns = chain.from_iterable(rng.sample(points, len(points)) for _ in repeat(None))
    return [None if n % _ANY_MOMENT_EACH == 0 else point for n, point in enumerate(islice(turns, count), 1)]


def main() -> int:
    """Run, print, and say by the exit code whether every promise was kept."""
    options = argparse.ArgumentParser(prog="python -m tests.faults.kills", description="kill -9, anywhere, often.")
    options.add_argument("--kills", type=int, default=500)
    options.add_argument("--seed", type=int, default=secrets.randbits(32))
    given = options.parse_args()
    end_at_sigterm()
    with TemporaryDirectory(prefix="motlan-kills-") as directory:
        told, kept = asyncio.run(run(given.kills, given.seed, Path(directory)))
    sys.stdout.write(told + "\n")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
