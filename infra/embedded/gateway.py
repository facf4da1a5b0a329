"""Runs the four services: in this process side by side, or each as a process of its own; behind one public port."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TextIO

import httpx2
import uvicorn

from infra.embedded.edge import Application, edge, passing_client, proxy
from infra.embedded.environment import ROOT, Ports
from infra.embedded.keyring import SERVICES
from shared.protocol import BoundedProtocol
from shared.service import server_config

Environments = Mapping[str, Mapping[str, str]]
START_WITHIN_SECONDS = 30


class DidNotStart(Exception):
    """A process ended, or did not answer, while it was expected to start; its own words are above."""


def load_services() -> None:
    """Read the code of all services, so that composing them later takes no time."""
    for name in SERVICES:
        import_module(f"services.{name}.__main__")


class _Server(uvicorn.Server):
    """A uvicorn server among others in one loop: the signals are the runner's."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def gateway(
    environments: Environments, ports: Ports, log: TextIO, *, split: bool = False
) -> AsyncGenerator[None]:
    """Run all services and the public port while the block lasts; they are ready when it is entered."""
    async with AsyncExitStack() as running:
        started = _in_processes(environments, ports, log) if split else _side_by_side(environments, ports)
        services = await running.enter_async_context(started)
        await running.enter_async_context(serving(edge_config(edge(services), ports.edge)))
        yield


@asynccontextmanager
async def serving(config: uvicorn.Config) -> AsyncGenerator[None]:
    """Serve an application while the block lasts."""
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                raise DidNotStart(f"port {config.port}") from task.exception()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


def edge_config(application: Application, port: int) -> uvicorn.Config:
    """Say how the public port is served."""
    return uvicorn.Config(
        application, host="127.0.0.1", port=port, lifespan="off", ws="none", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=3, http=BoundedProtocol,
    )  # fmt: skip


@asynccontextmanager
async def _side_by_side(environments: Environments, ports: Ports) -> AsyncGenerator[Mapping[str, Application]]:
    async with AsyncExitStack() as running:
        services: dict[str, Application] = {}
        for name in SERVICES:
            module = import_module(f"services.{name}.__main__")
            service = module.compose(module.Settings.from_environment(environments[name]))
            services[name] = service.app
            await running.enter_async_context(service.running())
            await running.enter_async_context(serving(server_config(service)))
        yield services


@asynccontextmanager
async def _in_processes(
    environments: Environments, ports: Ports, log: TextIO
) -> AsyncGenerator[Mapping[str, Application]]:
    async with AsyncExitStack() as running:
        client = await running.enter_async_context(passing_client())
        for name in SERVICES:
            await running.enter_async_context(process(f"services.{name}", environments[name], log))
        for name in SERVICES:
            await until_ready(client, f"{ports.inside(name)}/health/ready")
        yield {name: proxy(ports.inside(name), client) for name in SERVICES}


@asynccontextmanager
async def process(module: str, environment: Mapping[str, str], log: TextIO) -> AsyncGenerator[None]:
    """Run `python -m module` while the block lasts, logging to `log`; it is asked to end, made to after five seconds.

    It is in a process group of its own: the terminal's Ctrl-C is for us, and we end it in our order. It works in the
    log's directory, by which `stop_leftovers` finds it after we were killed.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=Path(log.name).parent, stdout=log, stderr=log, start_new_session=True,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), timeout=5)
        except TimeoutError:
            child.kill()
            await child.wait()


async def until_ready(client: httpx2.AsyncClient, url: str) -> None:
    """Wait until this address answers 200; raise DidNotStart when it takes too long."""
    try:
        async with asyncio.timeout(START_WITHIN_SECONDS):
            while True:
                if await _answers(client, url):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DidNotStart(url) from None


async def _answers(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except httpx2.TransportError:
        return False
