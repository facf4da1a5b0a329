"""The inbox: each genuine event takes effect once, in one transaction with the record of it; nothing passes a hole."""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared import alarms, places
from shared.db import Tx
from shared.events import Received, Watermark

Handler = Callable[[Tx, Received], Awaitable[None]]
Outcome = Literal["applied", "ignored", "parked", "duplicate", "conflict"]


class NumberConflict(Exception):
    """The event's number or id is another event's: no replay decides which of them is genuine."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event is parked instead of applied."""

    error: str
    attempts: int


class Intake:
    """Takes in what arrived on one partition, in order, within one transaction. Made only by `intake`."""

    def __init__(self, tx: Tx, source: str, partition: int, number: int) -> None:
        self._tx, self._source, self._partition = tx, source, partition
        self._number = self._reached = number
        self._digests: dict[UUID, bytes] = {}
        self._numbers: set[int] = set()
        self._parked_keys: set[str] = set()
        self._taken: list[tuple[UUID, int, bytes, Outcome]] = []

    async def take(
        self,
        event: Received,
        handler: Handler | None,
        *,
        traceparent: str | None = None,
        failed: Failure | None = None,
    ) -> Outcome:
        """Take in one verified event: its place in the partition, its effect and the record of both, or nothing.

        It is applied by `handler`, ignored without one, parked when it has `failed` or an earlier event of its key is
        parked. A duplicate changes nothing. An event whose numbers contradict what is taken already (`conflict`) is
        parked with its key. Raises what the handler raises; the transaction is then to be undone.
        """
        digest = hashlib.sha256(event.canonical).digest()
        known = self._digests.get(event.id)
        if known == digest:
            return "duplicate"
        # A number is taken once, on whichever partition: another event under it would be a second one of that name.
        if known is not None or event.sequence in self._numbers or not await self._place(event):
            await self._conflict(event, traceparent)
            return "conflict"
        outcome = await self._effect(event, handler, traceparent, failed)
        self._digests[event.id] = digest
        self._taken.append((event.id, event.sequence, digest, outcome))
        return outcome

    async def note(self, mark: Watermark) -> bool:
        """Move T forward, if everything the mark vouches for is taken and applied; say whether it moved.

        A mark that names a newer number than ours shows that events are missing: a gap, and T stays.
        """
        if mark.last > self._number:
            await self._miss(upto=mark.last)
            self._number = mark.last
        return await places.move_t(self._tx, mark)

    async def begin(self, events: Sequence[Received]) -> None:
        """Learn what is known of these events already."""
        rows = await self._tx.fetch(
            """SELECT event_id, digest, source, sequence FROM inbox
               WHERE event_id = ANY($1) OR (source = $2 AND sequence = ANY($3))""",
            [event.id for event in events], self._source, [event.sequence for event in events],
        )  # fmt: skip
        self._digests = {row["event_id"]: row["digest"] for row in rows}
        self._numbers = {row["sequence"] for row in rows if row["source"] == self._source}
        parked = await self._tx.fetch(
            "SELECT DISTINCT key FROM parked WHERE source = $1 AND key = ANY($2)",
            self._source, [event.key for event in events],
        )  # fmt: skip
        self._parked_keys = {row["key"] for row in parked}

    async def finish(self) -> None:
        """Record what was taken, and how far we are."""
        if self._number != self._reached:
            await places.advance(self._tx, self._source, self._partition, self._number)
        if not self._taken:
            return
        ids, numbers, digests, outcomes = ([row[n] for row in self._taken] for n in range(4))
        await self._tx.execute(
            """INSERT INTO inbox (event_id, source, sequence, digest, outcome)
               SELECT id, $1, number, digest, outcome
               FROM unnest($2::uuid[], $3::bigint[], $4::bytea[], $5::text[]) AS taken (id, number, digest, outcome)""",
            self._source, ids, numbers, digests, outcomes,
        )  # fmt: skip

    async def _place(self, event: Received) -> bool:
        """Give the event its place behind our number or in a gap; return False if it can have none."""
        if event.previous < self._number:
            return await places.fill_gap(self._tx, event)
        if event.previous > self._number:
            await self._miss(upto=event.previous)
        self._number = event.sequence
        return True

    async def _miss(self, *, upto: int) -> None:
        await places.open_gap(self._tx, self._source, self._partition, have=self._number, upto=upto)

    async def _effect(
        self, event: Received, handler: Handler | None, traceparent: str | None, failed: Failure | None
    ) -> Outcome:
        if failed is not None or event.key in self._parked_keys:
            await self._park(event, traceparent, failed)
            return "parked"
        if handler is None:
            return "ignored"
        await handler(self._tx, event)
        return "applied"

    async def _park(self, event: Received, traceparent: str | None, failed: Failure | None) -> None:
        await self._tx.execute(
            """INSERT INTO parked (event_id, source, partition, key, type, sequence, previous, canonical, signature,
                                   kid, traceparent, error, attempts)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (event_id) DO NOTHING""",
            event.id, event.source, event.partition, event.key, event.type, event.sequence, event.previous,
            event.canonical, event.signature, event.kid, traceparent,
            failed.error if failed else None, failed.attempts if failed else 0,
        )  # fmt: skip
        self._parked_keys.add(event.key)
        await places.settle(self._tx, event.source, event.partition)

    async def _conflict(self, event: Received, traceparent: str | None) -> None:
        """Two events have claimed one place: a source was restored from a backup, or its key is in other hands."""
        place = {"partition": event.partition, "sequence": event.sequence, "event_id": str(event.id)}
        await alarms.raise_alarm(self._tx, "number_conflict", event.source, place)
        await self._park(event, traceparent, Failure("number_conflict", 0))


@asynccontextmanager
async def intake(tx: Tx, source: str, partition: int, events: Sequence[Received]) -> AsyncGenerator[Intake]:
    """Open the partition for these events; what was taken is recorded when the block is left without an error."""
    opened = Intake(tx, source, partition, await places.lock(tx, source, partition))
    if events:
        await opened.begin(events)
    yield opened
    await opened.finish()


async def take_parked(tx: Tx, event: Received, handler: Handler | None) -> None:
    """Apply an event that was parked: its effect, its record and its leaving `parked` in one transaction.

    The caller holds the partition's lock and takes a key's events in order. Raises NumberConflict, and whatever the
    handler raises; the transaction is then to be undone.
    """
    outcome = "applied" if handler else "ignored"
    recorded = await tx.fetchval(
        """UPDATE inbox SET outcome = $2, taken_at = clock_timestamp()
           WHERE event_id = $1 AND digest = $3 AND outcome = 'parked' RETURNING true""",
        event.id, outcome, hashlib.sha256(event.canonical).digest(),
    )  # fmt: skip
    if not recorded:
        raise NumberConflict
    if handler:
        await handler(tx, event)
    await tx.execute("DELETE FROM parked WHERE event_id = $1", event.id)
    await places.settle(tx, event.source, event.partition)
