"""The relay, from a filled outbox to the broker's word, against an aiokafka producer that has nothing else to do."""
# aiokafka ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import json
import time
from contextlib import suppress
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer

from shared import clock, events, ids
from shared.db import Database
from shared.events import Event
from shared.kafka import Kafka
from shared.keys import ServiceKey
from shared.relay import Relay

COUNT = 10_000
PARTITIONS = 4
_TOGETHER = 500
_TYPE = "reuse.released.v1"
_DATA = json.loads(Path(f"contracts/events/{_TYPE}.example.json").read_text("utf-8"))["data"]
_FILL = """
INSERT INTO outbox (event_id, type, key, time, data)
SELECT gen_random_uuid(), $2, gen_random_uuid()::text, clock_timestamp(), $3 FROM generate_series(1, $1::int)
"""
_LEFT = """
SELECT EXISTS (SELECT FROM outbox WHERE sequence IS NULL)
    OR EXISTS (SELECT FROM outbox WHERE sequence IS NOT NULL AND published_at IS NULL)
"""


async def raw(bootstrap: str) -> float:
    """Return messages a second of an idempotent producer, batched, that sends what the relay would."""
    event = Event(_TYPE, str(ids.new()), _DATA, clock.now())
    value = events.encode("reuse", event, sequence=1, previous=0, partition=0)
    headers = [("content-type", b"application/cloudevents+json"), ("signature", bytes(64)), ("kid", bytes(43))]
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, enable_idempotence=True, acks="all", max_batch_size=128 * 1024
    )
    await producer.start()
    try:
        started = time.perf_counter()
        for first in range(0, COUNT, _TOGETHER):
            sent = [
                await producer.send("raw.events", value, event.key.encode(), n % PARTITIONS, headers=headers)
                for n in range(first, first + _TOGETHER)
            ]
            await asyncio.gather(*sent)
        return COUNT / (time.perf_counter() - started)
    finally:
        await producer.stop()


async def relayed(dsn: str, bootstrap: str, key: ServiceKey) -> float:
    """Fill the outbox, then return events a second from there to the broker, numbered, signed and marked."""
    db, kafka = await Database.connect(dsn), Kafka(bootstrap)
    watch = await asyncpg.connect(dsn, ssl=False)
    relay = Relay("reuse", dsn=dsn, db=db, kafka=kafka, key=key, partitions=PARTITIONS)
    try:
        async with db.transaction() as tx:
            await tx.execute(_FILL, COUNT, _TYPE, _DATA)
        started = time.perf_counter()
        running = asyncio.create_task(relay.run())
        while await watch.fetchval(_LEFT):  # noqa: ASYNC110 - only the database knows
            await asyncio.sleep(0.01)
        took = time.perf_counter() - started
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return COUNT / took
    finally:
        await watch.close()
        await kafka.close()
        await db.close()
