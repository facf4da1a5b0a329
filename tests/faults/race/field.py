"""A running system made ready to race in: a town to be born in, hands to act with, and the databases to disturb."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from infra.embedded.keyring import SERVICES
from shared.db import Database
from tests.faults.processes import System, system
from tests.faults.race.citizens import Town
from tests.faults.race.hands import Hands, hands

_SEALED_WITHIN = 600


@dataclass(frozen=True)
class Field:
    """Where races are run."""

    running: System
    town: Town
    hands: Hands
    consent: Database
    reuse: Database

    @asynccontextmanager
    async def admin(self, database: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
        """Open a superuser's connection to a service's database: for disturbing it."""
        connection = await asyncpg.connect(self.running.stack.postgres.dsn("postgres", database))
        try:
            yield connection
        finally:
            await connection.close()

    async def until_published(self) -> None:
        """Wait until the broker has everything that consent has to tell."""
        await until(partial(_nothing, self.consent, "published_at IS NULL"))

    async def until_sealed(self) -> None:
        """Wait until everything that consent and reuse have to tell is in the log."""
        for database in (self.consent, self.reuse):
            await until(partial(_nothing, database, "sealed_at IS NULL"), _SEALED_WITHIN)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait until a condition holds; raises TimeoutError when it does not come to."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what changes is in other processes
            await asyncio.sleep(0.05)


async def _nothing(database: Database, left: str) -> bool:
    async with database.read() as tx:
        return not await tx.fetchval(f"SELECT EXISTS (SELECT FROM outbox WHERE {left})")  # noqa: S608 - constants


@asynccontextmanager
async def field_in(data: Path, *, replicas: int = 2) -> AsyncGenerator[Field]:
    """Run the services as processes, consent and reuse as so many replicas each, and open a field on them."""
    async with AsyncExitStack() as opened:
        running = await opened.enter_async_context(system(data, start=()))
        more = {name: [running.replica(name) for _ in range(replicas - 1)] for name in ("consent", "reuse")}
        await running.start(*SERVICES)
        await asyncio.gather(*(process.start() for each in more.values() for process in each))
        databases: list[Database] = []
        for name in ("consent", "reuse"):
            databases.append(await Database.connect(running.stack.databases[name].service))
            opened.push_async_callback(databases[-1].close)
        using = await opened.enter_async_context(hands(running))
        using.reuse += [each.url for each in more["reuse"]]
        using.consent += [each.url for each in more["consent"]]
        yield Field(running, Town(running, *databases), using, *databases)
