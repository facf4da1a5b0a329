"""The outbox: an event is committed in the transaction of the change it tells of; the relay publishes it later."""

from dataclasses import dataclass
from datetime import datetime

from shared import events, telemetry
from shared.db import Database, Tx
from shared.events import Event

AT_ONCE = 10_000
"""Rows that one statement changes: after a long outage there may be more than its time-out allows."""
_STEPS = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far what was committed has come; times are of the oldest that has not, null when all have."""

    newest: int  # number
    unnumbered: int
    unpublished: int
    unpublished_since: datetime | None
    unsealed: int
    unsealed_since: datetime | None


async def append(tx: Tx, event: Event) -> None:
    """Make the event part of this transaction: both are committed, or neither.

    Call it after the row lock on what the event is about: the order of these calls is the order of the events of a
    key. Raises ValueError for an event that could never be published.
    """
    events.check(event)
    await tx.execute(
        "INSERT INTO outbox (event_id, type, key, time, data, traceparent) VALUES ($1, $2, $3, $4, $5, $6)",
        event.id, event.type, event.key, event.time, dict(event.data), telemetry.traceparent(),
    )  # fmt: skip
    tx.appended = True


async def mark_sealed(tx: Tx, through_sequence: int, *, now: datetime) -> None:
    """Note that `audit` has sealed this service's events up to and including this number.

    After a long outage only the oldest of them, a good many; `audit` says it again each minute.
    """
    for _ in range(_STEPS):
        done = await tx.execute(
            """UPDATE outbox SET sealed_at = $2 WHERE position = ANY (ARRAY(
                 SELECT position FROM (
                   SELECT position, sequence FROM outbox WHERE sealed_at IS NULL ORDER BY time LIMIT $3) oldest
                 WHERE sequence <= $1))""",
            through_sequence, now, AT_ONCE,
        )  # fmt: skip
        if done != f"UPDATE {AT_ONCE}":
            return


async def oldest_unsealed(tx: Tx) -> datetime | None:
    """Return the time of the oldest event that `audit` has not sealed yet, or None when all are."""
    return await tx.fetchval("SELECT min(time) FROM outbox WHERE sealed_at IS NULL")


async def progress(tx: Tx) -> Progress:
    """Return how far the events of this service have come."""
    row = await tx.fetchrow(
        """SELECT coalesce((SELECT max(sequence) FROM outbox), 0) AS newest, u.events AS unnumbered,
                  u.events + p.events AS unpublished, least(u.since, p.since) AS unpublished_since,
                  s.events AS unsealed, s.since AS unsealed_since
           FROM (SELECT count(*) AS events, min(time) AS since FROM outbox WHERE sequence IS NULL) u,
                (SELECT count(*) AS events, min(time) AS since FROM outbox
                 WHERE sequence IS NOT NULL AND published_at IS NULL) p,
                (SELECT count(*) AS events, min(time) AS since FROM outbox WHERE sealed_at IS NULL) s"""
    )
    assert row is not None  # noqa: S101 - aggregates without GROUP BY have one row
    return Progress(**row)


async def send_again(db: Database, partition: int, *, after: int, upto: int) -> int:
    """Have the relay publish numbered events once more, the same bytes in order, for a reader that misses them.

    Returns how many. Readers that have them ignore them, so it may be repeated after a failure. What is numbered
    meanwhile is sent for the first time anyway.
    """
    async with db.read() as tx:
        newest = await tx.fetchval("SELECT max(sequence) FROM outbox WHERE partition = $1", partition)
    sent, upto = 0, min(upto, newest or 0)
    while True:
        async with db.transaction() as tx:
            row = await tx.fetchrow(
                """WITH batch AS (
                     SELECT position, sequence FROM outbox
                     WHERE partition = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4),
                   again AS (
                     UPDATE outbox SET published_at = NULL WHERE position IN (SELECT position FROM batch))
                   SELECT count(*) AS events, max(sequence) AS last FROM batch""",
                partition, after, upto, AT_ONCE,
            )  # fmt: skip
            tx.appended = True
        if row is None or row["last"] is None:
            return sent
        sent, after = sent + row["events"], row["last"]
