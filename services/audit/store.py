"""Every SQL statement of audit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from services.audit.domain.bundle import Opened, Signed
from services.audit.domain.leaf import Leaf, commitment
from services.audit.domain.merkle import Hash, TileId, Tiles
from services.audit.domain.reading import Filter
from shared.db import Tx
from shared.events import written

_MATCHES = """
    ($2::timestamptz IS NULL OR time >= $2) AND ($3::timestamptz IS NULL OR time < $3)
    AND ($4::text IS NULL OR type = $4) AND ($5::uuid IS NULL OR dossier_uid = $5)"""

SEQUENCER_LOCK = 7_306_142_008
"""One sequencer at a time, whichever replica it runs in."""


@dataclass(frozen=True)
class Entry:
    """An event as it arrived, with the salt drawn for it."""

    source: str
    sequence: int
    event_id: UUID
    type: str
    time: datetime
    subject_id: UUID | None
    dossier_uid: UUID | None
    digest: bytes
    signed: Signed
    salt: bytes
    traceparent: str | None = None


@dataclass(frozen=True)
class Waiting:
    """A leaf that is in no tree yet, and the trace in which its event was taken in."""

    arrived: int
    leaf: Leaf
    traceparent: str | None


@dataclass(frozen=True)
class Kept:
    """A leaf as it lies in its rows: its bytes, the hash the tree has of it, and the leaf its entry now amounts to."""

    index: int
    leaf: bytes
    hash: bytes | None
    erased: bool
    expected: Leaf | None


async def add_entry(tx: Tx, entry: Entry) -> bool:
    """Keep an event; False if its source has used this number before."""
    added = await tx.fetchval(
        """
        INSERT INTO entry (source, sequence, event_id, type, time, subject_id, dossier_uid, digest,
                           canonical, signature, kid, salt, traceparent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT DO NOTHING RETURNING arrived
        """,
        entry.source, entry.sequence, entry.event_id, entry.type, entry.time, entry.subject_id, entry.dossier_uid,
        entry.digest, entry.signed.canonical, entry.signed.signature, entry.signed.kid, entry.salt, entry.traceparent,
    )  # fmt: skip
    return added is not None


async def digest_of(tx: Tx, source: str, sequence: int) -> bytes | None:
    """Return the digest under which a number is known."""
    return await tx.fetchval("SELECT digest FROM entry WHERE source = $1 AND sequence = $2", source, sequence)


async def become_sequencer(tx: Tx) -> bool:
    """Take the sequencer's lock until this transaction ends; False if another holds it."""
    return await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", SEQUENCER_LOCK)


async def unsequenced(tx: Tx, *, limit: int) -> list[Waiting]:
    """Return the leaves of entries that have none yet, in order of arrival."""
    rows = await tx.fetch(
        """
        SELECT arrived, source, sequence, type, time, canonical, signature, salt, traceparent
          FROM entry WHERE leaf_index IS NULL ORDER BY arrived LIMIT $1
        """,
        limit,
    )
    return [Waiting(row["arrived"], _leaf(row), row["traceparent"]) for row in rows]


async def add_leaves(tx: Tx, leaves: Sequence[tuple[int, int, Leaf]]) -> None:
    """Append leaves: (index, arrival number of its entry, leaf)."""
    await tx.execute(
        """
        WITH new AS (
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[])
                AS new (index, arrived, source, sequence, canonical)
        ), taken AS (
            UPDATE entry SET leaf_index = new.index FROM new WHERE entry.arrived = new.arrived
        )
        INSERT INTO leaf (index, source, sequence, canonical) SELECT index, source, sequence, canonical FROM new
        """,
        [index for index, _, _ in leaves],
        [arrived for _, arrived, _ in leaves],
        [leaf.source for _, _, leaf in leaves],
        [leaf.sequence for _, _, leaf in leaves],
        [leaf.canonical() for _, _, leaf in leaves],
    )


async def tiles(tx: Tx, wanted: Collection[TileId]) -> Mapping[TileId, bytes]:
    """Return those of the tiles that there are, each by one look into the index: of a long log there are many."""
    rows = await tx.fetch(
        """
        SELECT level, index, hashes FROM unnest($1::int[], $2::bigint[]) AS wanted (level, index)
          JOIN tile USING (level, index)
        """,
        [where.level for where in wanted],
        [where.index for where in wanted],
    )
    return {TileId(row["level"], row["index"]): row["hashes"] for row in rows}


async def put_tiles(tx: Tx, tiles: Tiles) -> None:
    """Write the tiles that appending changed."""
    changed = sorted(tiles.changed)
    await tx.execute(
        """
        INSERT INTO tile (level, index, hashes) SELECT * FROM unnest($1::int[], $2::bigint[], $3::bytea[])
        ON CONFLICT (level, index) DO UPDATE SET hashes = excluded.hashes
        """,
        [where.level for where in changed],
        [where.index for where in changed],
        [tiles.tile(where) for where in changed],
    )


async def put_checkpoint(tx: Tx, *, size: int, root: Hash, note: str, now: datetime) -> None:
    """Keep a signed checkpoint for good."""
    await tx.execute(
        "INSERT INTO checkpoint (size, root, note, signed_at) VALUES ($1, $2, $3, $4)", size, root, note, now
    )


async def newest_checkpoint(tx: Tx) -> tuple[int, str] | None:
    """Return size and signed note of the newest checkpoint."""
    row = await tx.fetchrow("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1")
    return (row["size"], row["note"]) if row else None


async def received_watermarks(tx: Tx) -> list[tuple[str, int, Signed]]:
    """Return each source's newest watermark per partition, as the reader accepted it."""
    rows = await tx.fetch(
        "SELECT source, partition, canonical, signature, kid FROM reader_watermark WHERE canonical IS NOT NULL"
    )
    return [(row["source"], row["partition"], _signed(row)) for row in rows]


async def cover_watermarks(tx: Tx, marks: Sequence[tuple[str, int, Signed]]) -> None:
    """Say that the newest checkpoint covers these watermarks."""
    await tx.executemany(
        """
        INSERT INTO covered_watermark (source, partition, canonical, signature, kid) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (source, partition)
        DO UPDATE SET canonical = excluded.canonical, signature = excluded.signature, kid = excluded.kid
        """,
        [(source, partition, s.canonical, s.signature, s.kid) for source, partition, s in marks],
    )


async def covered_watermarks(tx: Tx) -> list[Signed]:
    """Return the watermarks that the newest checkpoint covers."""
    rows = await tx.fetch("SELECT canonical, signature, kid FROM covered_watermark ORDER BY source, partition")
    return [_signed(row) for row in rows]


async def advance_sealed(tx: Tx) -> dict[str, int]:
    """Move each source's sealed number over the leaves that follow it without a hole; return those that moved.

    Each time by ten thousand at the most: with one partition behind, all leaves of the others lie beyond a hole.
    """
    rows = await tx.fetch(
        f"""
        WITH RECURSIVE {_SOURCES}, run AS (
            SELECT sources.source, beyond.sequence
              FROM sources LEFT JOIN sealed AS s USING (source) CROSS JOIN LATERAL (
                  SELECT max(next.sequence) AS sequence
                    FROM (SELECT l.sequence, row_number() OVER (ORDER BY l.sequence) AS place FROM leaf AS l
                           WHERE l.source = sources.source AND l.sequence > coalesce(s.sequence, 0)
                           ORDER BY l.sequence LIMIT 10000) AS next
                   WHERE next.sequence = coalesce(s.sequence, 0) + next.place) AS beyond
             WHERE beyond.sequence IS NOT NULL
        )
        INSERT INTO sealed (source, sequence) SELECT source, sequence FROM run
        ON CONFLICT (source) DO UPDATE SET sequence = excluded.sequence
        RETURNING source, sequence
        """  # noqa: S608 - a constant
    )
    return {row["source"]: row["sequence"] for row in rows}


_SOURCES = """
    sources AS (
        SELECT min(source) AS source FROM leaf
        UNION ALL
        SELECT (SELECT min(l.source) FROM leaf AS l WHERE l.source > sources.source)
          FROM sources WHERE sources.source IS NOT NULL
    )"""
"""The few sources that have leaves, each by one look into the index: the log is too long to be read for it."""


async def sealed(tx: Tx) -> dict[str, int]:
    """Return how far each source is sealed."""
    return {row["source"]: row["sequence"] for row in await tx.fetch("SELECT source, sequence FROM sealed")}


async def sources_with_holes(tx: Tx, *, since: datetime) -> dict[str, int]:
    """Return sources that have numbers beyond a hole for longer than `since`, with the first number that misses."""
    rows = await tx.fetch(
        f"""
        WITH RECURSIVE {_SOURCES}
        SELECT sources.source, coalesce(s.sequence, 0) + 1 AS missing
          FROM sources LEFT JOIN sealed AS s USING (source)
         WHERE EXISTS (SELECT FROM entry AS e
                        WHERE e.source = sources.source AND e.sequence > coalesce(s.sequence, 0) + 1
                          AND e.time < $1 AND e.leaf_index IS NOT NULL)
        """,  # noqa: S608 - a constant
        since,
    )
    return {row["source"]: row["missing"] for row in rows}


async def leaves(tx: Tx, start: int, end: int) -> list[bytes]:
    """Return the leaves from one index up to another, which is not among them, in order."""
    rows = await tx.fetch("SELECT canonical FROM leaf WHERE index >= $1 AND index < $2 ORDER BY index", start, end)
    return [row["canonical"] for row in rows]


async def find_events(
    tx: Tx, filter_: Filter, *, below: int, after: int, limit: int
) -> list[tuple[int, Opened | None]]:
    """Return entries in the tree of `below` leaves that match, as (arrived, event), in order of arrival after `after`.

    Of an entry that was erased only its place is left: the event is None.
    """
    rows = await tx.fetch(
        f"""
        SELECT arrived, leaf_index, canonical, signature, kid, salt
          FROM entry WHERE leaf_index < $1 AND {_MATCHES} AND arrived > $6 ORDER BY arrived LIMIT $7
        """,  # noqa: S608 - a constant
        below, filter_.from_, filter_.until, filter_.type, filter_.dossier_uid, after, limit,
    )  # fmt: skip
    return [
        (row["arrived"], Opened(row["leaf_index"], _signed(row), row["salt"]) if row["canonical"] else None)
        for row in rows
    ]


async def find_arrivals(tx: Tx, filter_: Filter, *, below: int, limit: int) -> list[int]:
    """Return the arrival numbers of events in the tree of `below` leaves that match and were not erased, in order."""
    rows = await tx.fetch(
        f"""
        SELECT arrived FROM entry
         WHERE leaf_index < $1 AND canonical IS NOT NULL AND {_MATCHES} ORDER BY arrived LIMIT $6
        """,  # noqa: S608 - a constant
        below, filter_.from_, filter_.until, filter_.type, filter_.dossier_uid, limit,
    )  # fmt: skip
    return [row["arrived"] for row in rows]


async def opened(tx: Tx, arrived: Sequence[int]) -> list[Opened]:
    """Return the events with these arrival numbers, in order; of what was erased, nothing."""
    rows = await tx.fetch(
        """
        SELECT leaf_index, canonical, signature, kid, salt FROM entry
         WHERE arrived = ANY($1) AND canonical IS NOT NULL ORDER BY arrived
        """,
        list(arrived),
    )
    return [Opened(row["leaf_index"], _signed(row), row["salt"]) for row in rows]


async def leaf_index_of(tx: Tx, *, source: str, sequence: int) -> int | None:
    """Return where an event's leaf lies."""
    return await tx.fetchval("SELECT index FROM leaf WHERE source = $1 AND sequence = $2", source, sequence)


async def kept_leaves(tx: Tx, *, after: int, limit: int) -> list[Kept]:
    """Return the leaves behind index `after`, to be hashed again."""
    rows = await tx.fetch(
        """
        SELECT leaf.index, leaf.canonical AS leaf, e.source, e.sequence, e.type, e.time,
               e.canonical, e.signature, e.salt, e.arrived,
               substring(tile.hashes FROM (leaf.index % 256)::int * 32 + 1 FOR 32) AS hash
          FROM leaf LEFT JOIN entry AS e ON e.leaf_index = leaf.index AND e.leaf_index > $1
          LEFT JOIN tile ON tile.level = 0 AND tile.index = leaf.index / 256
         WHERE leaf.index > $1 ORDER BY leaf.index LIMIT $2
        """,
        after,
        limit,
    )
    return [
        Kept(
            row["index"],
            row["leaf"],
            row["hash"],
            erased=row["arrived"] is not None and row["canonical"] is None,
            expected=_leaf(row) if row["canonical"] else None,
        )
        for row in rows
    ]


def _leaf(row: Record) -> Leaf:
    committed = commitment(salt=row["salt"], canonical=row["canonical"], signature=row["signature"])
    return Leaf(row["source"], row["sequence"], row["type"], written(row["time"]), committed)


def _signed(row: Record) -> Signed:
    return Signed(row["canonical"], row["signature"], row["kid"])
