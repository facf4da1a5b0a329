"""Where a reader stands on a partition: the number it has reached, the gaps below it, and whether T may move.

`number` says that everything up to it is taken, except what lies in a gap. A gap, or a parked event, freezes the
partition's watermark: T may not say "all is applied" while something is not.
"""

from dataclasses import dataclass
from datetime import datetime

from shared import alarms
from shared.db import Tx
from shared.events import Received, Watermark


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing here: what follows number `after` on a partition, up to and including `upto`."""

    source: str
    partition: int
    after: int
    upto: int
    seen_at: datetime


async def lock(tx: Tx, source: str, partition: int) -> int:
    """Return the reader's number, its row locked: a partition is taken in by one transaction at a time."""
    sql = "SELECT number FROM reader_watermark WHERE source = $1 AND partition = $2 FOR UPDATE"
    number = await tx.fetchval(sql, source, partition)
    if number is None:
        await tx.execute(
            "INSERT INTO reader_watermark (source, partition) VALUES ($1, $2) ON CONFLICT DO NOTHING", source, partition
        )
        number = await tx.fetchval(sql, source, partition)
    return number


async def advance(tx: Tx, source: str, partition: int, number: int) -> None:
    """Note that the reader has reached this number."""
    await tx.execute(
        "UPDATE reader_watermark SET number = $3 WHERE source = $1 AND partition = $2", source, partition, number
    )


async def open_gap(tx: Tx, source: str, partition: int, *, have: int, upto: int) -> None:
    """Note that what follows `have`, up to and including `upto`, is missing."""
    await _add_gap(tx, source, partition, have, upto)
    await settle(tx, source, partition)


async def fill_gap(tx: Tx, event: Received) -> bool:
    """Take the event out of the gap it lies in wholly; what remains missing before and behind it stays a gap.

    Returns False when it lies in none.
    """
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


async def gaps(tx: Tx) -> list[Gap]:
    """Return what is missing, by source and partition."""
    rows = await tx.fetch(
        "SELECT source, partition, have, upto, seen_at FROM reader_gap ORDER BY source, partition, have"
    )
    return [Gap(*row.values()) for row in rows]


async def move_t(tx: Tx, mark: Watermark) -> bool:
    """Move the partition's T forward to this mark's, unless it is frozen or further already; say whether it moved."""
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


async def _add_gap(tx: Tx, source: str, partition: int, have: int, upto: int) -> None:
    await tx.execute(
        "INSERT INTO reader_gap (source, partition, have, upto) VALUES ($1, $2, $3, $4)", source, partition, have, upto
    )
