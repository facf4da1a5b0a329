"""`python -m tests.perf`: measure, and say how many times as fast one is as the other. It gates nothing."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

from infra.embedded.processes import StackError
from tests.perf import chart, report
from tests.perf.about import about
from tests.perf.behind import measure_behind
from tests.perf.footprint import measure_footprint
from tests.perf.growing import measure_growth
from tests.perf.pinning import cores, pin
from tests.perf.releasing import BESIDE, OURS, measure_releases
from tests.perf.report import Facts, Table
from tests.perf.slices import Void
from tests.perf.world import World, opened

Measure = Callable[[World, argparse.Namespace], Awaitable[Sequence[Table | Facts]]]
MEASURES: Mapping[str, Measure] = {
    "release": measure_releases,
    "behind": measure_behind,
    "growth": measure_growth,
    "footprint": measure_footprint,
}


async def bench(options: argparse.Namespace) -> None:
    """Run what was asked for, and say each result as soon as it is there."""
    found, tables = about(), list[Table | Facts]()
    _say(", ".join(f"{name} {value}" for name, value in found.items()))
    async with opened() as world:
        for name, measure in MEASURES.items():
            if options.only in (None, name):
                for table in await measure(world, options):
                    tables.append(table)
                    _say(report.written(table))
    if options.only is None and isinstance(tables[0], Table):
        chart.PATH.parent.mkdir(exist_ok=True)
        chart.PATH.write_text(chart.draw(tables[0], OURS, BESIDE), "utf-8")
    _say(f"\n{report.keep(tables, found)}")


def main() -> None:
    """Read the options and run; exit code 1 only where nothing could be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__)
    parser.add_argument("--only", choices=MEASURES, help="measure this only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a slice")
    parser.add_argument("--citizens", type=int, default=1_000_000, help="the most that growth is measured with")
    options = parser.parse_args()
    pin(cores()[1])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else what it started would outlive it
    try:
        asyncio.run(bench(options))
    except (StackError, Void) as error:
        sys.exit(f"Could not measure: {error}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
