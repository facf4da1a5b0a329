"""The whole system as processes on a stack of its own, each of which a test may kill, freeze and start again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import httpx2

from infra.embedded.edge import edge, passing_client, proxy
from infra.embedded.environment import ROOT, Ports, service_environments
from infra.embedded.gateway import DidNotStart, edge_config, serving, until_ready
from infra.embedded.keyring import SERVICES, Keyring
from infra.embedded.laptop import registrations, simulator_settings
from infra.embedded.postgres import Postgres
from infra.embedded.processes import free_ports, tail
from infra.embedded.stack import BROKERS, TOPICS, Stack
from shared.migrations import migrate

SIMULATORS = "infra.simulators"


def end_at_sigterm() -> None:
    """Have SIGTERM do in this process what Ctrl-C does: else whatever it has started would outlive it."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in the background deaf to it
    signal.signal(signal.SIGTERM, interrupt)


@dataclass
class Running:
    """One process of ours, `python -m module`; its log, all its lives in one file, lies at `log`."""

    module: str
    url: str
    ready_path: str
    environment: dict[str, str]
    log: Path
    code: Path = ROOT
    """The checkout it runs."""
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """The number of its present life; raises ProcessLookupError when it has none."""
        if not self.alive or self._process is None:
            raise ProcessLookupError(self.module)
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, be it frozen."""
        return self._process is not None and self._process.returncode is None

    async def start(self, **more: str) -> None:
        """Start it, with this environment added for good, and return once it is ready. Raises DidNotStart."""
        await self.begin(**more)
        await self.ready()

    async def begin(self, **more: str) -> None:
        """Start it and do not wait: it may be meant to die, or to wait for somebody."""
        if self.alive:
            raise AssertionError(f"{self.module} runs already")
        self.environment.update(more)
        with self.log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, cwd=self.log.parent, stdout=output, stderr=output,
                start_new_session=True, env={**os.environ, **self.environment, "PYTHONPATH": str(self.code)},
            )  # fmt: skip

    async def ready(self) -> None:
        """Return once it answers that it is. Raises DidNotStart with its last words when it ended instead."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            waiting = asyncio.create_task(until_ready(client, self.url + self.ready_path))
            ended = asyncio.create_task(self.ended())
            done, left = await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            if waiting not in done:
                raise DidNotStart(f"{self.module} ended:\n{tail(self.log)}")
            await waiting

    async def ended(self) -> int:
        """Wait for its end and return its exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def kill(self) -> None:
        """End it as a power cut does (SIGKILL), frozen or not."""
        os.kill(self.pid, signal.SIGKILL)
        await self.ended()

    def freeze(self) -> None:
        """Stop it where it stands (SIGSTOP): it holds its connections and locks and says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    async def restart(self, **more: str) -> None:
        """Kill it, if it still lives, and start it again."""
        if self.alive:
            await self.kill()
        await self.start(**more)

    async def end(self) -> None:
        """End it in good order (SIGTERM); kill it when twenty seconds were not enough to close everything."""
        if not self.alive:
            return
        os.kill(self.pid, signal.SIGTERM)
        os.kill(self.pid, signal.SIGCONT)
        try:
            await asyncio.wait_for(self.ended(), 20)  # requests 10, reader 5, pool 5
        except TimeoutError:
            await self.kill()


class System:
    """Servers, services and simulators, by name: `system["consent"].freeze()`, `await system.kill_kafka()`."""

    def __init__(self, data: Path, ports: Ports, stack: Stack, keyring: Keyring) -> None:
        self.data, self.ports, self.stack, self.keyring = data, ports, stack, keyring
        self.processes: dict[str, Running] = {"simulators": self._simulators()}
        self._environments = service_environments(
            ports,
            keyring,
            databases={name: stack.databases[name].service for name in SERVICES},
            kafka=stack.kafka.bootstrap,
            clients_file=keyring.clients(registrations(ports)),
        )
        for name in SERVICES:
            self.processes[name] = self._service(name, name, {})

    def __getitem__(self, name: str) -> Running:
        return self.processes[name]

    def replica(self, service: str, **more: str) -> Running:
        """Make one more process of a service, on a port of its own; it is for the caller to start it.

        It is found by its number as well: the first replica of reuse beside `reuse` is `reuse-2`.
        """
        number = 2 + sum(name.startswith(f"{service}-") for name in self.processes)
        port, name = free_ports(1)[0], f"{service}-{number}"
        self.processes[name] = self._service(service, name, {f"{service.upper()}_LISTEN_PORT": str(port), **more})
        return self.processes[name]

    def step_aside(self, service: str, **more: str) -> Running:
        """Let a service listen elsewhere: at its own port somebody else passes on to it and its replicas."""
        port = free_ports(1)[0]
        self.processes[service] = self._service(service, service, {f"{service.upper()}_LISTEN_PORT": str(port), **more})
        return self.processes[service]

    async def start(self, *names: str) -> None:
        """Start these processes side by side, and return once all are ready."""
        await asyncio.gather(*(self.processes[name].start() for name in names))

    async def end(self) -> None:
        """End every process that still runs; the servers are the stack's."""
        await asyncio.gather(*(process.end() for process in self.processes.values()))

    # The servers. Whoever kills one starts it again: the processes above expect it at the same port.

    async def kill_kafka(self) -> None:
        """End the broker as a power cut does, frozen or not."""
        await self.stack.kafka.kill()

    async def start_kafka(self) -> None:
        """Start the broker again on its data, and its topics if these were wiped."""
        await self.stack.kafka.resume()
        await self.stack.kafka.ensure_topics(TOPICS)

    async def kill_postgres(self) -> None:
        """End the database server as a power cut does; its backends end with the next start at the latest."""
        await self.stack.postgres._server.stop(signal.SIGKILL)

    def freeze_kafka(self) -> None:
        """Stop the broker where it stands: its connections stay open and nobody answers."""
        self.stack.kafka.freeze()

    def thaw_kafka(self) -> None:
        """Let the broker go on."""
        self.stack.kafka.thaw()

    async def start_postgres(self) -> None:
        """Start the database server again on its data; it recovers first."""
        self.stack.postgres = await Postgres.start(self.data / "postgres", self.ports.postgres)

    def _service(self, service: str, name: str, more: Mapping[str, str]) -> Running:
        environment = {**self._environments[service], **more}
        url = f"http://127.0.0.1:{environment[f'{service.upper()}_LISTEN_PORT']}"
        return Running(f"services.{service}", url, "/health/ready", environment, self.data / f"{name}.log")

    def _simulators(self) -> Running:
        return Running(
            SIMULATORS,
            self.ports.simulators_origin,
            "/vneid/.well-known/openid-configuration",
            simulator_settings(self.ports, self.keyring),
            self.data / "simulators.log",
        )


@asynccontextmanager
async def system(
    data: Path, *, start: tuple[str, ...] = ("simulators", *SERVICES), public: bool = True, brokers: int = BROKERS
) -> AsyncGenerator[System]:
    """Run a migrated stack on free ports and start these processes; `public` opens the edge before the services.

    Whatever still runs at the end of the block is ended, the servers last.
    """
    ports, data = Ports(*free_ports(len(Ports.__dataclass_fields__))), await asyncio.to_thread(data.resolve)
    async with AsyncExitStack() as open_:
        stack = await open_.enter_async_context(_stack(data, ports, brokers))
        await asyncio.gather(*(migrate(stack.databases[name].owner, name) for name in SERVICES))
        running = System(data, ports, stack, Keyring(data / "keys"))
        running.keyring.auditor_keys()
        open_.push_async_callback(running.end)
        if public:
            client = await open_.enter_async_context(passing_client())
            behind = {name: proxy(ports.inside(name), client) for name in SERVICES}
            await open_.enter_async_context(serving(edge_config(edge(behind), ports.edge)))
        await running.start(*start)
        yield running


def _stack(data: Path, ports: Ports, brokers: int) -> Stack:
    return Stack(
        data,
        postgres_port=ports.postgres,
        kafka_port=ports.kafka,
        kafka_controller_port=ports.kafka_controller,
        brokers=brokers,
    )
