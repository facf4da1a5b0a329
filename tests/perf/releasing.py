"""A release against hello-world, and against the same release as it is conventionally built."""

from contextlib import AsyncExitStack

from tests.perf.city import write_request
from tests.perf.driver import Variant, run_rounds
from tests.perf.freshness import kept_fresh
from tests.perf.servers import serving
from tests.perf.slices import Slice
from tests.perf.world import World

_CITIZENS = 10_000
_HELLO = write_request("GET", "/")


async def measure_releases(world: World, *, rounds: int, seconds: float) -> list[dict[str, Slice]]:
    """Run slices of all that is compared, in turn, on the same core."""
    filled = await world.reuse_with(_CITIZENS)

    def releases(count: int) -> list[bytes]:
        return world.city.releases(filled.targets, count)

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(kept_fresh(filled.dsn))
        variants: dict[str, Variant] = {}
        for name in ("bare", "hello"):
            server = await stack.enter_async_context(serving(name, world.folder))
            variants[name] = Variant(server.port, lambda _: [_HELLO], again=True)
        for name in ("reuse", "reuse_without_proofs", "conventional"):
            server = await stack.enter_async_context(serving(name, world.folder, filled.told))
            variants[name] = Variant(server.port, releases)
        return await run_rounds(variants, rounds=rounds, seconds=seconds)
