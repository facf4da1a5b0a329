"""Composes and runs one service: its settings are checked, its keys read and its database open before its port is."""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.server import HANDLED_SIGNALS

from shared import clock, gauges, health, idempotency, log, replay
from shared.db import Database
from shared.inbox import Handler
from shared.inside import TIMEOUT, ServiceClient
from shared.issuer_keys import IssuerKeys, fetch_from
from shared.keys import ServiceKey, Trust
from shared.protocol import BoundedProtocol
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry
from shared.timers import every
from shared.tokens import KeySource, TokenVerifier
from shared.transport import http_client
from shared.vault import Vault
from shared.watchdog import watching

SWEEP_SECONDS = 60
_CANCEL_AGAIN = 3.0  # seconds; within the twenty in which a service ends


@dataclass
class Service:
    """What a composition root returns; several may run side by side in one process. A service may subclass it.

    `background` are coroutine functions that run for as long as the service does and see `db` open; one that ends
    with an exception ends the service, loudly. `on_close` runs at the end, last first.
    """

    name: str
    app: FastAPI
    settings: ServiceSettings
    background: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    on_close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    issuer_keys: KeySource | None = None  # identity knows its own keys; others fetch them from it
    sources: Sequence[str] = ()  # whose events it reads, and what it does with them: set by its Messaging
    handlers: Mapping[str, Handler] = field(default_factory=dict[str, Handler])
    vault: Vault | None = None  # where citizens' data keys are wrapped
    draining: bool = field(default=False, init=False)  # it was told to stop: serves what comes, and is not ready
    key: ServiceKey = field(init=False, repr=False)
    trust: Trust = field(init=False, repr=False)
    verifier: TokenVerifier = field(init=False, repr=False)
    db: Database = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name != self.settings.service:
            raise ValueError(f"{self.name} was given the settings of {self.settings.service}")
        self.key = ServiceKey.load(self.settings.service_key_file)
        self.trust = Trust.load(self.settings.trust_file)
        self.verifier = TokenVerifier(
            issuer=self.settings.issuer,
            audience=f"{self.settings.public_origin}/{self.name}",
            keys=self.issuer_keys or self._fetched_keys(),
        )
        self.app.include_router(health.router)
        self.app.state.service = self
        self.on_close.append(self._send_last_traces)

    def client(self, callee: str) -> ServiceClient:
        """Make the client of another service; it is closed with this one."""
        url = {
            "identity": self.settings.identity_url,
            "consent": self.settings.consent_url,
            "reuse": self.settings.reuse_url,
            "audit": self.settings.audit_url,
        }[callee]
        client = ServiceClient(self.name, callee, url, self.key)
        self.on_close.append(client.close)
        return client

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Open the database, run what runs in the background, and stop it all on leaving.

        Raises health.NotMigrated or db.DatabaseUnavailable before anything has started.
        """
        with log.bound(service=self.name), self.app.state.telemetry.current():
            async with AsyncExitStack() as stack:
                for close in self.on_close:
                    stack.push_async_callback(close)
                self.db = await Database.connect(self.settings.dsn())
                stack.push_async_callback(self.db.close)
                await health.check_migrated(self.db, self.name)
                await stack.enter_async_context(_in_background([self._sweep_replay, self._look, *self.background]))
                log.info("service_started", port=self.settings.listen_port)
                yield
            log.info("service_stopped")

    async def _sweep_replay(self) -> None:
        await every(SWEEP_SECONDS, self._forget_expired, "replay")

    async def _look(self) -> None:
        telemetry: Telemetry = self.app.state.telemetry
        if telemetry.recording:
            await every(gauges.LOOK_EVERY, lambda: gauges.look(self.db, telemetry), "gauges")

    async def _forget_expired(self) -> None:
        """Forget single-use records that are refused for their age anyway, and answers kept long enough."""
        async with self.db.transaction() as tx:
            await replay.forget_expired(tx, now=clock.now())
            await idempotency.forget_old(tx, now=clock.now())

    async def _send_last_traces(self) -> None:
        await asyncio.to_thread(self.app.state.telemetry.close)

    def _fetched_keys(self) -> IssuerKeys:
        client = http_client(timeout=TIMEOUT)
        self.on_close.append(client.aclose)
        return IssuerKeys(fetch_from(client, f"{self.settings.identity_url}/identity/jwks"))


@asynccontextmanager
async def _in_background(work: list[Callable[[], Awaitable[None]]]) -> AsyncGenerator[None]:
    """Do all of it beside the block; a failure ends the block, the end of the block ends it, and what it raises leaves.

    Libraries take cancellation lightly: one that cancels a task of its own may have us believe that we were meant, and
    one that fails while it lets go hides that we were. So nobody's cancellation begins the work anew, and ours is
    repeated until it is heeded.
    """
    async with asyncio.TaskGroup() as group:
        tasks = {group.create_task(_until_cancelled(one)) for one in work}
        failure: Exception | None = None
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised below, outside the group that would wrap it
            failure = error
        finally:
            while tasks:
                for task in tasks:
                    task.cancel()
                _, tasks = await asyncio.wait(tasks, timeout=_CANCEL_AGAIN)
    if failure is not None:
        raise failure


async def _until_cancelled(work: Callable[[], Awaitable[None]]) -> None:
    me = asyncio.current_task()
    while True:
        try:
            return await work()
        except asyncio.CancelledError as error:
            if me is None or me.cancelling():
                raise
            log.error("background_cancelled_by_nobody", error)
        await asyncio.sleep(1)


class _Server(uvicorn.Server):
    """A server that a signal ends, and nothing else: uvicorn's own raises it once more, and what is open stays so.

    It tells so in advance: for `drain_seconds` it is not ready and keeps no connection, and serves what still comes, so
    that whoever balances the load has turned away before the port closes. A second signal cuts that short.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(server_config(service))
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop."""
        if self._service.draining or not self._service.settings.drain_seconds:
            super().handle_exit(sig, frame)
            return
        self._service.draining = True
        self.config.encoded_headers.append((b"connection", b"close"))
        asyncio.get_running_loop().call_later(self._service.settings.drain_seconds, super().handle_exit, sig, frame)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop serving at the first SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in HANDLED_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in HANDLED_SIGNALS:
                loop.remove_signal_handler(number)


def serve(service: Service) -> None:
    """Run a service as a process of its own until it is told to stop (SIGTERM), finishing what it has begun.

    Whatever it says is lines of JSON, also why it could not start or go on; then the exit code is 1.
    """
    server = _Server(service)
    one_loop = asyncio.Runner(loop_factory=server.config.get_loop_factory())
    with log.bound(service=service.name), log.speaking_for_libraries(), one_loop as runner, watching(runner.get_loop()):
        try:
            runner.run(_serve(service, server))
        except Exception as error:  # noqa: BLE001 - a trace of Python's would hold values, and be no line
            log.error("service_failed", error)
            sys.exit(1)
        except SystemExit:  # what uvicorn does when its port is another's
            log.error("service_failed", port=service.settings.listen_port)
            sys.exit(1)


async def _serve(service: Service, server: uvicorn.Server) -> None:
    async with service.running():
        _collect_from_here_on()
        await server.serve()


def _collect_from_here_on() -> None:
    """Leave what was made at start out of garbage collections: 100,000 objects, for which the loop stops for 65 ms."""
    gc.collect()
    gc.freeze()
    gc.collect()


def server_config(service: Service) -> uvicorn.Config:
    """Say how a service is served; the embedded runner serves the same way."""
    return uvicorn.Config(
        service.app,
        host=service.settings.listen_host,
        port=service.settings.listen_port,
        lifespan="off",  # `running` is the one way up and down
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,  # would write paths, which hold identifiers
        proxy_headers=False,  # our addresses are settings, nobody's headers
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
        limit_concurrency=1000,
    )
