"""What a release costs as the tables grow: the same slices with ten thousand, a hundred thousand, a million people."""

import argparse
from contextlib import AsyncExitStack

from tests.perf.driver import Variant, run_rounds
from tests.perf.freshness import kept_fresh
from tests.perf.releasing import CITIZENS
from tests.perf.report import Facts, Table, compare, processor_time
from tests.perf.servers import Running, serving
from tests.perf.world import Filled, World


async def measure_growth(world: World, options: argparse.Namespace) -> list[Table | Facts]:
    """Run a server on each size, one after the other in every round."""
    sizes = [size for size in (CITIZENS, 10 * CITIZENS, 100 * CITIZENS) if size <= options.citizens]
    async with AsyncExitStack() as stack:
        variants: dict[str, Variant] = {}
        for size in sizes:
            filled = await world.reuse_with(size)
            await stack.enter_async_context(kept_fresh(filled.dsn))
            server = await stack.enter_async_context(serving("reuse", world.folder, filled.told))
            variants[str(size)] = _variant(world, filled, server)
        rounds = await run_rounds(variants, rounds=options.rounds, seconds=options.seconds, database=world.postgres.pid)
    names = {str(size): f"{size:,} citizens" for size in sizes}
    return [compare("A release as the tables grow", rounds, names, str(CITIZENS)), processor_time(rounds, names)]


def _variant(world: World, filled: Filled, server: Running) -> Variant:
    return Variant(server.port, server.pid, lambda count: world.city.releases(filled.targets, count))
