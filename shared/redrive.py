"""Takes up again what was set aside, on an operator's word: parked events by number, dead letters that verify today."""

from ast import literal_eval
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared import alarms, arrival, events, inbox, log, places
from shared.db import Database, Tx
from shared.events import Malformed, Received
from shared.inbox import Handler, NumberConflict
from shared.kafka import Record
from shared.keys import Trust


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """One key whose events wait: everything of it since the first that could not be applied."""

    source: str
    key: str
    events: int
    first: int  # numbers of the source
    last: int
    type: str  # of the first
    error: str
    since: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody of ours had signed as it stood when it was read."""

    topic: str
    partition: int
    offset: int
    reason: str
    bytes: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to; `error` names what stopped it, null when nothing is left."""

    applied: int
    left: int
    error: str | None


async def parked_keys(tx: Tx) -> list[ParkedKey]:
    """Return the keys that wait, longest first."""
    rows = await tx.fetch(
        """SELECT source, key, count(*) AS events, min(sequence) AS first, max(sequence) AS last,
                  (array_agg(type ORDER BY sequence))[1] AS type,
                  coalesce((array_agg(error ORDER BY sequence))[1], '') AS error, min(parked_at) AS since
           FROM parked GROUP BY source, key ORDER BY min(parked_at)"""
    )
    return [ParkedKey(**row) for row in rows]


async def dead_letters(tx: Tx) -> list[DeadLetter]:
    """Return what lies as a dead letter, in the order in which its topic has it."""
    rows = await tx.fetch(
        """SELECT topic, partition, kafka_offset AS "offset", reason, length(value) AS bytes, received_at
           FROM dead_letter ORDER BY topic, partition, kafka_offset"""
    )
    return [DeadLetter(**row) for row in rows]


async def replay_key(db: Database, source: str, key: str, *, handlers: Mapping[str, Handler]) -> Replayed:
    """Apply a key's parked events in the order of their numbers, each in its own transaction, up to one that fails.

    What is applied leaves `parked`; what fails stays with everything behind it, and says why. Safe beside a running
    service, and to be repeated.
    """
    applied = 0
    while True:
        try:
            async with db.transaction() as tx:
                if not await _apply_first(tx, source, key, handlers):
                    return Replayed(applied, 0, None)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises: the event stays parked, and says so
            return await _stays(db, source, key, applied, type(error).__name__)
        applied += 1


async def replay_dead_letters(
    db: Database, *, sources: Sequence[str], trust: Trust, handlers: Mapping[str, Handler]
) -> Replayed:
    """Take in the dead letters that verify today, in the order of their topics; the others stay.

    They are genuine where a reader had not been given its source's new key in time. Replaying twice is harmless.
    """
    async with db.read() as tx:
        rows = await tx.fetch(
            "SELECT * FROM dead_letter WHERE topic = ANY($1) ORDER BY topic, partition, kafka_offset",
            [f"{source}.events" for source in sources],
        )
    applied, error = 0, None
    for row in rows:
        try:
            await _take_dead(db, row, trust, handlers)
        except Exception as failed:  # noqa: BLE001 - a forgery stays where it is, and so does what a handler refuses
            error = type(failed).__name__
            continue
        applied += 1
    return Replayed(applied, len(rows) - applied, error)


async def drop_dead_letters(tx: Tx, topic: str) -> int:
    """Let go of a topic's dead letters, once somebody has looked at them, and of the alarm; return how many."""
    return await _drop(tx, topic, None, None)


async def _apply_first(tx: Tx, source: str, key: str, handlers: Mapping[str, Handler]) -> bool:
    """Apply the oldest parked event of a key; return False when there is none."""
    partition = await tx.fetchval("SELECT partition FROM parked WHERE source = $1 AND key = $2 LIMIT 1", source, key)
    if partition is None:
        return False
    await places.lock(tx, source, partition)  # as every intake does, before it looks at what is parked
    row = await tx.fetchrow(
        "SELECT * FROM parked WHERE source = $1 AND key = $2 ORDER BY sequence LIMIT 1", source, key
    )
    if row is None:
        return False
    event = events.decode(row["canonical"], signature=row["signature"], kid=row["kid"])
    if not isinstance(event, Received):
        raise Malformed("no number")
    await inbox.take_parked(tx, event, handlers.get(event.type, handlers.get("*")))
    log.info("parked_event_applied", source=source, type=event.type, sequence=event.sequence)
    return True


async def _stays(db: Database, source: str, key: str, applied: int, error: str) -> Replayed:
    async with db.transaction() as tx:
        left = await tx.fetchval("SELECT count(*) FROM parked WHERE source = $1 AND key = $2", source, key)
        if error != NumberConflict.__name__:
            await tx.execute(
                """UPDATE parked SET error = $3, attempts = attempts + 1 WHERE position = (
                     SELECT position FROM parked WHERE source = $1 AND key = $2 ORDER BY sequence LIMIT 1)""",
                source, key, error,
            )  # fmt: skip
    return Replayed(applied, left, error)


async def _take_dead(db: Database, row: asyncpg.Record, trust: Trust, handlers: Mapping[str, Handler]) -> None:
    record = _record(row)
    message = arrival.read(record, record.topic.removesuffix(".events"), trust)
    async with db.transaction() as tx:
        if isinstance(message, Received):
            async with inbox.intake(tx, message.source, message.partition, [message]) as intake:
                await intake.take(message, handlers.get(message.type, handlers.get("*")))
        # A watermark or a notice has no number: its source says it again, so nothing is missed with it.
        await _drop(tx, record.topic, record.partition, record.offset)


async def _drop(tx: Tx, topic: str, partition: int | None, offset: int | None) -> int:
    done = await tx.execute(
        """DELETE FROM dead_letter WHERE topic = $1 AND ($2::int IS NULL OR partition = $2)
           AND ($3::bigint IS NULL OR kafka_offset = $3)""",
        topic, partition, offset,
    )  # fmt: skip
    if not await tx.fetchval("SELECT EXISTS (SELECT FROM dead_letter WHERE topic = $1)", topic):
        await alarms.clear_alarm(tx, "dead_letter", topic)
    return int(done.removeprefix("DELETE "))


def _record(row: asyncpg.Record) -> Record:
    headers = {literal_eval(name): bytes.fromhex(value) for name, value in row["headers"].items()}
    return Record(row["topic"], row["partition"], row["kafka_offset"], row["value"], headers)
