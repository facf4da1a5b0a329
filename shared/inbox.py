"""The inbox: each genuine event takes effect once, in one transaction with the record of it; nothing passes a hole.

A reader's `number` on a partition says that everything up to it is taken, except what lies in a gap. A gap, or a parked
event, freezes the partition's watermark: T may not say "all is applied" while something is not.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from shared import alarms
from shared.db import Tx
from shared.events import Received, Watermark

Handler = Callable[[Tx, Received], Awaitable[None]]
Outcome = Literal["applied", "ignored", "parked", "duplicate", "conflict"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event is parked instead of applied."""

    error: str
    attempts: int


async def take(
    tx: Tx, event: Received, handler: Handler | None, *, traceparent: str | None = None, failed: Failure | None = None
) -> Outcome:
    """Take in one verified event: its place in the partition, its effect and the record of both, or nothing.

    It is applied by `handler`, ignored without one, parked when it has `failed` or an earlier event of its key is
    parked. A duplicate changes nothing. An event whose numbers contradict what is taken already (`conflict`) is
    parked with its key. Raises what the handler raises; the transaction is then to be undone.
    """
    number = await _lock(tx, event.source, event.partition)
    digest = hashlib.sha256(event.canonical).digest()
    known = await tx.fetchval("SELECT digest FROM inbox WHERE event_id = $1", event.id)
    if known == digest:
        return "duplicate"
    if known is not None or not await _place(tx, event, number):
        await _conflict(tx, event, traceparent)
        return "conflict"
    outcome = await _effect(tx, event, handler, traceparent, failed)
    await tx.execute(
        "INSERT INTO inbox (event_id, source, sequence, digest, outcome) VALUES ($1, $2, $3, $4, $5)",
        event.id, event.source, event.sequence, digest, outcome,
    )  # fmt: skip
    return outcome


async def take_watermark(tx: Tx, mark: Watermark) -> bool:
    """Move T of the mark's partition forward, if everything it vouches for is taken and applied; say whether it moved.

    A mark that names a newer number than ours shows that events are missing: a gap, and T stays.
    """
    number = await _lock(tx, mark.source, mark.partition)
    if mark.last > number:
        await _open_gap(tx, mark.source, mark.partition, have=number, upto=mark.last)
        await _advance(tx, mark.source, mark.partition, mark.last)
    moved = await tx.fetchval(
        """UPDATE reader_watermark SET t = $3, last = $4, canonical = $5, signature = $6, kid = $7
           WHERE source = $1 AND partition = $2 AND NOT frozen AND (t IS NULL OR t < $3) RETURNING true""",
        mark.source, mark.partition, mark.t, mark.last, mark.canonical, mark.signature, mark.kid,
    )  # fmt: skip
    return bool(moved)


async def settle(tx: Tx, source: str, partition: int) -> None:
    """Freeze or thaw a partition's watermark by what is missing or parked there now, and its alarms likewise."""
    found = await tx.fetchrow(
        """SELECT (SELECT json_build_object('have', min(have), 'upto', max(upto), 'gaps', count(*))::jsonb
                   FROM reader_gap WHERE source = $1 AND partition = $2) AS missing,
                  (SELECT json_build_object('events', count(*), 'keys', count(DISTINCT key))::jsonb
                   FROM parked WHERE source = $1 AND partition = $2) AS parked""",
        source, partition,
    )  # fmt: skip
    assert found is not None  # noqa: S101 - a SELECT without FROM has one row
    missing, parked = found["missing"], found["parked"]
    await tx.execute(
        "UPDATE reader_watermark SET frozen = $3 WHERE source = $1 AND partition = $2",
        source, partition, missing["gaps"] > 0 or parked["events"] > 0,
    )  # fmt: skip
    place = f"{source}/{partition}"
    for kind, holds, detail in (("gap", missing["gaps"], missing), ("parked", parked["events"], parked)):
        if holds:
            await alarms.raise_alarm(tx, kind, place, detail)
        else:
            await alarms.clear_alarm(tx, kind, place)


async def _lock(tx: Tx, source: str, partition: int) -> int:
    """Return the reader's number, its row locked: a partition is taken in by one transaction at a time."""
    sql = "SELECT number FROM reader_watermark WHERE source = $1 AND partition = $2 FOR UPDATE"
    number = await tx.fetchval(sql, source, partition)
    if number is None:
        await tx.execute(
            "INSERT INTO reader_watermark (source, partition) VALUES ($1, $2) ON CONFLICT DO NOTHING", source, partition
        )
        number = await tx.fetchval(sql, source, partition)
    return number


async def _place(tx: Tx, event: Received, number: int) -> bool:
    """Give the event its place behind our number or in a gap; return False if it can have none."""
    if event.previous >= number:
        if event.previous > number:
            await _open_gap(tx, event.source, event.partition, have=number, upto=event.previous)
        await _advance(tx, event.source, event.partition, event.sequence)
        return True
    return await _fill_gap(tx, event)


async def _fill_gap(tx: Tx, event: Received) -> bool:
    """Take the event out of the gap it lies in wholly; what remains missing before and behind it stays a gap."""
    gap = await tx.fetchrow(
        """DELETE FROM reader_gap WHERE source = $1 AND partition = $2 AND have <= $3 AND upto >= $4
           RETURNING have, upto""",
        event.source, event.partition, event.previous, event.sequence,
    )  # fmt: skip
    if gap is None:
        return False
    for have, upto in ((gap["have"], event.previous), (event.sequence, gap["upto"])):
        if have < upto:
            await _add_gap(tx, event.source, event.partition, have, upto)
    await settle(tx, event.source, event.partition)
    return True


async def _open_gap(tx: Tx, source: str, partition: int, *, have: int, upto: int) -> None:
    await _add_gap(tx, source, partition, have, upto)
    await settle(tx, source, partition)


async def _add_gap(tx: Tx, source: str, partition: int, have: int, upto: int) -> None:
    await tx.execute(
        "INSERT INTO reader_gap (source, partition, have, upto) VALUES ($1, $2, $3, $4)", source, partition, have, upto
    )


async def _advance(tx: Tx, source: str, partition: int, number: int) -> None:
    await tx.execute(
        "UPDATE reader_watermark SET number = $3 WHERE source = $1 AND partition = $2", source, partition, number
    )


async def _effect(
    tx: Tx, event: Received, handler: Handler | None, traceparent: str | None, failed: Failure | None
) -> Outcome:
    if failed is not None or await _key_is_parked(tx, event):
        await _park(tx, event, traceparent, failed)
        return "parked"
    if handler is None:
        return "ignored"
    await handler(tx, event)
    return "applied"


async def _key_is_parked(tx: Tx, event: Received) -> bool:
    return await tx.fetchval(
        "SELECT EXISTS (SELECT FROM parked WHERE source = $1 AND key = $2)", event.source, event.key
    )


async def _park(tx: Tx, event: Received, traceparent: str | None, failed: Failure | None) -> None:
    await tx.execute(
        """INSERT INTO parked (event_id, source, partition, key, type, sequence, previous, canonical, signature, kid,
                               traceparent, error, attempts)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (event_id) DO NOTHING""",
        event.id, event.source, event.partition, event.key, event.type, event.sequence, event.previous,
        event.canonical, event.signature, event.kid, traceparent,
        failed.error if failed else None, failed.attempts if failed else 0,
    )  # fmt: skip
    await settle(tx, event.source, event.partition)


async def _conflict(tx: Tx, event: Received, traceparent: str | None) -> None:
    """Two events have claimed one place: a source was restored from a backup, or its key is in other hands."""
    place = {"partition": event.partition, "sequence": event.sequence, "event_id": str(event.id)}
    await alarms.raise_alarm(tx, "number_conflict", event.source, place)
    await _park(tx, event, traceparent, Failure("number_conflict", 0))
