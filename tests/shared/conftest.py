"""A sending and a reading service on the real stack, each with a database of its own, for tests of the messaging."""

import asyncio
import secrets
import string
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.embedded.stack import Stack
from shared import outbox
from shared.consumer import Consumer
from shared.db import Database, Tx
from shared.events import Event, Received
from shared.inbox import Handler
from shared.kafka import Kafka, Message, partition_for
from shared.keys import ServiceKey, Trust, jwks
from shared.migrations import migrate
from shared.relay import Relay

PARTITIONS = 2
# Two keys of one partition, and one of the other.
FIRST, SECOND = [f"k{n}" for n in range(20) if partition_for(f"k{n}", PARTITIONS) == 0][:2]
OTHER = next(f"k{n}" for n in range(20) if partition_for(f"k{n}", PARTITIONS) == 1)
POOL = 12
NOW = datetime(2025, 7, 1, 8, 30, 0, 123456, tzinfo=UTC)


@dataclass
class Pair:
    """A `source` that appends events and a `reader` that takes them in; neither runs before a test says so."""

    source: str
    reader: str
    out: Database
    into: Database
    out_dsn: str
    kafka: Kafka
    key: ServiceKey
    trust: Trust

    async def append(self, *keys: str, **data: Any) -> None:
        """Commit one event per key, each in a transaction of its own."""
        for key in keys:
            async with self.out.transaction() as tx:
                await outbox.append(tx, self.event(key, **data))

    def event(self, key: str, **data: Any) -> Event:
        return Event(type=f"{self.source}.happened.v1", key=key, data=data, time=NOW)

    def relay(self, **changes: Any) -> Relay:
        told: dict[str, Any] = {"dsn": self.out_dsn, "db": self.out, "kafka": self.kafka, "key": self.key}
        told |= {"partitions": PARTITIONS, "watermark_every": 0.1}
        return Relay(self.source, **(told | changes))

    def consumer(self, handler: Handler | None = None, **changes: Any) -> Consumer:
        told: dict[str, Any] = {"db": self.into, "kafka": self.kafka, "trust": self.trust, "sources": [self.source]}
        told |= {"handlers": {f"{self.source}.happened.v1": handler or self.note}, "pause": 0.2}
        return Consumer(self.reader, **(told | changes))

    async def note(self, tx: Tx, event: Received) -> None:
        """Handle an event by counting it in the database, so that an effect is what was committed."""
        await tx.execute(
            "INSERT INTO effect (event_id, sequence, key) VALUES ($1, $2, $3)", event.id, event.sequence, event.key
        )

    async def effects(self, key: str | None = None) -> list[int]:
        """Return the numbers of the events that took effect, in the order in which they did."""
        async with self.into.read() as tx:
            rows = await tx.fetch(
                "SELECT sequence FROM effect WHERE $1::text IS NULL OR key = $1 ORDER BY position", key
            )
        return [row["sequence"] for row in rows]

    async def value(self, sql: str, *args: object) -> Any:
        """Read one value of the reader's database."""
        async with self.into.read() as tx:
            return await tx.fetchval(sql, *args)

    async def sent(self) -> list[Any]:
        """Return the source's outbox in the order of the numbers."""
        async with self.out.read() as tx:
            return await tx.fetch("SELECT * FROM outbox ORDER BY sequence")

    async def put(self, value: bytes, *, partition: int, key: ServiceKey | None = None, kid: str | None = None) -> None:
        """Send bytes past the relay, signed by whichever key."""
        key = key or self.key
        headers = (("signature", key.sign(value)), ("kid", (kid or key.kid).encode()))
        await self.kafka.publish([Message(f"{self.source}.events", partition, b"k", value, headers)])

    async def replay(self, *rows: Any) -> None:
        """Send rows of the outbox once more, as they were sent."""
        for row in rows:
            await self.put(row["canonical"], partition=row["partition"])

    async def until_published(self, count: int) -> None:
        async def published() -> bool:
            async with self.out.read() as tx:
                return await tx.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == count

        await until(published)

    async def until_taken(self, count: int) -> None:
        async def taken() -> bool:
            return await self.value("SELECT count(*) FROM inbox") == count

        await until(taken)


@pytest.fixture
async def pair(stack: Stack) -> AsyncGenerator[Pair]:
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
    source, reader = f"s{name}", f"r{name}"
    databases = await stack.postgres.ensure_databases(source, reader)
    await asyncio.gather(*(migrate(databases[name].owner, name) for name in databases))
    await stack.kafka.ensure_topics({f"{source}.events": PARTITIONS, f"{reader}.dead-letters": 1})
    owner = await Database.connect(databases[reader].owner)
    async with owner.transaction() as tx:
        await tx.execute(
            """CREATE TABLE effect (
                 position bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, sequence bigint, key text)"""
        )
    await owner.close()
    out, into = [await Database.connect(databases[name].service, max_size=POOL) for name in (source, reader)]
    key = ServiceKey(Ed25519PrivateKey.generate())
    kafka = Kafka(stack.kafka.bootstrap, timeout=3)
    trust = Trust({source: jwks([key])})
    yield Pair(source, reader, out, into, databases[source].service, kafka, key, trust)
    await kafka.close()
    await out.close()
    await into.close()


@asynccontextmanager
async def running(*parts: Relay | Consumer) -> AsyncGenerator[None]:
    """Run relays and consumers for the length of the block."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(holds: Callable[[], Awaitable[bool]], *, seconds: float = 15) -> None:
    """Wait until it holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.03)
