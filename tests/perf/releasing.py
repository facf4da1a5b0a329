"""A release against hello-world, and against the same release as it is conventionally built."""

import argparse
from contextlib import AsyncExitStack

from tests.perf.city import write_request
from tests.perf.driver import Variant, run_rounds
from tests.perf.freshness import kept_fresh
from tests.perf.report import Facts, Table, compare, processor_time
from tests.perf.servers import serving
from tests.perf.world import World

CITIZENS = 10_000
_HELLO = write_request("GET", "/")
_NAMES = {
    "hello": "FastAPI's hello-world",
    "reuse": "a release, with DPoP",
    "reuse_without_proofs": "a release, proofs not checked",
    "conventional": "the same release, conventionally",
    "bare": "bare ASGI (the load's own limit)",
}
OURS = (_NAMES["reuse"], _NAMES["reuse_without_proofs"])
BESIDE = (_NAMES["hello"], _NAMES["conventional"])


async def measure_releases(world: World, options: argparse.Namespace) -> list[Table | Facts]:
    """Run slices of all that is compared, in turn, on the same core."""
    filled = await world.reuse_with(CITIZENS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(kept_fresh(filled.dsn))
        variants: dict[str, Variant] = {}
        for name in ("hello", "bare"):
            server = await stack.enter_async_context(serving(name, world.folder))
            variants[name] = Variant(server.port, server.pid, lambda _: [_HELLO], again=True)
        for name in ("reuse", "reuse_without_proofs", "conventional"):
            server = await stack.enter_async_context(serving(name, world.folder, filled.told))
            variants[name] = Variant(server.port, server.pid, lambda count: world.city.releases(filled.targets, count))
        rounds = await run_rounds(variants, rounds=options.rounds, seconds=options.seconds, database=world.postgres.pid)
        alone = {name: variants[name] for name in ("hello", "reuse")}
        one = await run_rounds(
            alone, rounds=options.rounds, seconds=options.seconds / 2, connections=1, database=world.postgres.pid
        )
    few = {name: _NAMES[name] for name in alone}
    conventional = {name: _NAMES[name] for name in ("conventional", "reuse", "reuse_without_proofs")}
    return [
        compare("A durable, signed release at 32 connections", rounds, _NAMES, "hello"),
        processor_time(rounds, _NAMES),
        compare("The same rounds, against the conventional build", rounds, conventional, "conventional"),
        compare("At one connection", one, few, "hello"),
    ]
