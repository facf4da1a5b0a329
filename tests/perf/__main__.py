"""`python -m tests.perf`: measure, and say how many times as fast one is as the other. It gates nothing."""

import argparse
import asyncio
import sys

from tests.perf.cores import cores, pin
from tests.perf.releasing import measure_releases
from tests.perf.slices import Spread, rate, ratio
from tests.perf.world import opened


async def bench(options: argparse.Namespace) -> None:
    """Run what was asked for."""
    async with opened() as world:
        rounds = await measure_releases(world, rounds=options.rounds, seconds=options.seconds)
    for name in rounds[0]:
        to_hello = ratio(rounds, name, "hello")
        p50, p99 = (Spread.of([getattr(each[name], q) for each in rounds]).median for q in ("p50", "p99"))
        sys.stdout.write(
            f"{name:24}{rate(rounds, name).median:10,.0f}/s"
            f" {to_hello.median:8.3f} [{to_hello.low:.3f}..{to_hello.high:.3f}] {p50:8.1f} {p99:8.1f} ms\n"
        )


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__)
    parser.add_argument("--only", choices=["release"], help="measure this only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    pin(cores()[1])
    asyncio.run(bench(options))


if __name__ == "__main__":
    main()
