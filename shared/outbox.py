"""The outbox: an event is committed in the transaction of the change it tells of; the relay publishes it later."""

from dataclasses import dataclass
from datetime import datetime

from shared import events, telemetry
from shared.db import Tx
from shared.events import Event


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
    """Note that `audit` has sealed this service's events up to and including this number."""
    await tx.execute(
        "UPDATE outbox SET sealed_at = $2 WHERE sequence <= $1 AND sealed_at IS NULL", through_sequence, now
    )


async def oldest_unsealed(tx: Tx) -> datetime | None:
    """Return the time of the oldest event that `audit` has not sealed yet, or None when all are."""
    return await tx.fetchval("SELECT min(time) FROM outbox WHERE sealed_at IS NULL")


async def progress(tx: Tx) -> Progress:
    """Return how far the events of this service have come."""
    row = await tx.fetchrow(
        """SELECT coalesce(max(sequence), 0) AS newest,
                  count(*) FILTER (WHERE sequence IS NULL) AS unnumbered,
                  count(*) FILTER (WHERE published_at IS NULL) AS unpublished,
                  min(time) FILTER (WHERE published_at IS NULL) AS unpublished_since,
                  count(*) FILTER (WHERE sealed_at IS NULL) AS unsealed,
                  min(time) FILTER (WHERE sealed_at IS NULL) AS unsealed_since
           FROM outbox"""
    )
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return Progress(**row)


async def send_again(tx: Tx, partition: int, *, after: int, upto: int) -> int:
    """Have the relay publish numbered events once more, the same bytes in order, for a reader that misses them.

    Returns how many. Readers that have them ignore them.
    """
    done = await tx.execute(
        "UPDATE outbox SET published_at = NULL WHERE partition = $1 AND sequence > $2 AND sequence <= $3",
        partition, after, upto,
    )  # fmt: skip
    tx.appended = True
    return int(done.removeprefix("UPDATE "))
