"""The outbox between commit and acknowledgement, for the relay only: rows are numbered without gaps, signed, marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared import events
from shared.db import Tx
from shared.events import Event
from shared.kafka import partition_for
from shared.keys import ServiceKey

_OVERALL = -1  # in relay_number: the newest number of all partitions


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event as it is sent, now and at every repetition."""

    position: int
    sequence: int
    partition: int
    previous: int
    key: str
    canonical: bytes
    signature: bytes
    kid: str
    traceparent: str | None


class Signer:
    """Gives committed events their numbers and their final, signed bytes."""

    def __init__(self, source: str, key: ServiceKey, partitions: int) -> None:
        self._source, self._key, self._partitions = source, key, partitions

    async def number(self, tx: Tx, limit: int) -> int:
        """Number and sign the oldest committed events without a number; return how many.

        They are found by their presence, never by a cursor, so one that commits late is not skipped. Numbers and
        rows are committed together, so no number is lost, given twice or left out.
        """
        rows = await tx.fetch(
            """SELECT position, event_id, type, key, time, data, traceparent
               FROM outbox WHERE sequence IS NULL ORDER BY position LIMIT $1""",
            limit,
        )
        if not rows:
            return 0
        last = await last_numbers(tx)
        numbered = [
            self._next(
                Event(r["type"], r["key"], r["data"], r["time"], r["event_id"]), r["position"], r["traceparent"], last
            )
            for r in rows
        ]
        await _store(tx, numbered)
        await _store_last(tx, last)
        return len(numbered)

    def _next(self, event: Event, position: int, traceparent: str | None, last: dict[int, int]) -> Numbered:
        partition = partition_for(event.key, self._partitions)
        sequence, previous = last.get(_OVERALL, 0) + 1, last.get(partition, 0)
        canonical = events.encode(self._source, event, sequence=sequence, previous=previous, partition=partition)
        last[_OVERALL] = last[partition] = sequence
        signature = self._key.sign(canonical)
        return Numbered(
            position, sequence, partition, previous, event.key, canonical, signature, self._key.kid, traceparent
        )


async def last_numbers(tx: Tx) -> dict[int, int]:
    """Return the newest number of each partition that has one."""
    rows = await tx.fetch("SELECT partition, last FROM relay_number")
    return {row["partition"]: row["last"] for row in rows}


async def unpublished(tx: Tx, limit: int) -> list[Numbered]:
    """Return the oldest numbered events that the broker has not acknowledged, in the order of their numbers."""
    rows = await tx.fetch(
        """SELECT position, sequence, partition, previous, key, canonical, signature, kid, traceparent
           FROM outbox WHERE sequence IS NOT NULL AND published_at IS NULL ORDER BY sequence LIMIT $1""",
        limit,
    )
    return [Numbered(*row.values()) for row in rows]


async def mark_published(tx: Tx, numbered: Sequence[Numbered]) -> None:
    """Note that the broker has acknowledged these."""
    await tx.execute(
        "UPDATE outbox SET published_at = clock_timestamp() WHERE position = ANY($1)", [n.position for n in numbered]
    )


async def _store(tx: Tx, numbered: Sequence[Numbered]) -> None:
    done = await tx.execute(
        """UPDATE outbox SET sequence = n.sequence, partition = n.partition, previous = n.previous,
                  canonical = n.canonical, signature = n.signature, kid = $7, numbered_at = clock_timestamp()
           FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bytea[], $6::bytea[])
                AS n (position, sequence, partition, previous, canonical, signature)
           WHERE outbox.position = n.position AND outbox.sequence IS NULL""",
        [n.position for n in numbered],
        [n.sequence for n in numbered],
        [n.partition for n in numbered],
        [n.previous for n in numbered],
        [n.canonical for n in numbered],
        [n.signature for n in numbered],
        numbered[0].kid,
    )
    if done != f"UPDATE {len(numbered)}":
        raise AssertionError(f"numbered {len(numbered)} events, stored {done}")


async def _store_last(tx: Tx, last: dict[int, int]) -> None:
    await tx.execute(
        """INSERT INTO relay_number (partition, last) SELECT * FROM unnest($1::integer[], $2::bigint[])
           ON CONFLICT (partition) DO UPDATE SET last = excluded.last""",
        list(last.keys()),
        list(last.values()),
    )
