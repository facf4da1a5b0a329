"""What each service takes: from the start of its process to its first 200, and its memory idle and after some load."""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import psutil

from infra.embedded.environment import Ports, service_environments
from infra.embedded.laptop import registrations
from infra.embedded.processes import free_ports
from infra.embedded.stack import SERVICES, TOPICS
from shared.migrations import migrate
from tests.perf.city import write_request
from tests.perf.driver import Variant, run_rounds
from tests.perf.pinning import cores
from tests.perf.report import Facts
from tests.perf.servers import until_200
from tests.perf.world import World, brokered

_READY = write_request("GET", "/health/ready")


async def measure_footprint(world: World, options: argparse.Namespace) -> list[Facts]:
    """Start each service by itself as operators do, on databases and a broker that are there."""
    async with brokered(world, TOPICS) as bootstrap:
        environments, ports = await _environments(world, bootstrap)
        rows = [await _measure(world, name, environments[name], getattr(ports, name)) for name in SERVICES]
    head = ["", "start to first 200, s", "MiB idle", "MiB after load"]
    return [Facts("What a service takes (three starts: median)", head, rows)]


async def _environments(world: World, bootstrap: str) -> tuple[Mapping[str, Mapping[str, str]], Ports]:
    databases = await world.postgres.ensure_databases(*SERVICES)
    await asyncio.gather(*(migrate(databases[name].owner, name) for name in SERVICES))
    ports = Ports(**dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True)))
    told = service_environments(
        ports, world.keyring, databases={name: databases[name].service for name in SERVICES}, kafka=bootstrap,
        clients_file=world.keyring.clients(registrations(ports)),
    )  # fmt: skip
    return told, ports


async def _measure(world: World, name: str, environment: Mapping[str, str], port: int) -> list[str]:
    starts: list[float] = []
    idle = loaded = 0.0
    for _ in range(3):
        async with _started(world, name, environment) as pid:
            starts.append(await until_200(port, _READY))
            idle = _rss(pid)
            ready = {name: Variant(port, pid, lambda _: [_READY], again=True)}
            await run_rounds(ready, rounds=1, seconds=1.0, database=world.postgres.pid)
            loaded = _rss(pid)
    return [name, f"{sorted(starts)[1]:.2f}", f"{idle:.0f}", f"{loaded:.0f}"]


@asynccontextmanager
async def _started(world: World, name: str, environment: Mapping[str, str]) -> AsyncGenerator[int]:
    with (world.folder / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{name}", stdout=log, stderr=log, env={**os.environ, **environment}
        )
    psutil.Process(process.pid).cpu_affinity([cores()[0]])
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()


def _rss(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / 2**20
