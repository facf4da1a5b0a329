"""A log that is long: what is asked of it again and again reads a few rows, not the log."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.audit import store
from services.audit.domain.merkle import edge_of, tiles_above
from services.audit.domain.reading import Filter
from shared.db import Database, Tx

pytestmark = pytest.mark.stack

LENGTH = 30_000
FEW = 1_000
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

FILL = """
INSERT INTO entry (source, sequence, event_id, type, time, digest, canonical, signature, kid, salt, leaf_index)
SELECT 'consent', n + 1, gen_random_uuid(), CASE WHEN n % 5000 = 0 THEN 'rare.v1' ELSE 'often.v1' END,
       $2::timestamptz - interval '1 hour', sha256(n::text::bytea), 'c', 's', 'k', 'x', n
  FROM generate_series(0, $1 - 1) AS n"""
LEAVES = "INSERT INTO leaf SELECT n, 'consent', n + 1, 'c' FROM generate_series(0::bigint, $1 - 1) AS n"
TILES = """
INSERT INTO tile SELECT level, index, repeat('h', 32)::bytea
  FROM generate_series(0, 1) AS level, generate_series(0, ($1 >> (8 * (level + 1)))::bigint) AS index"""
SEALED = "INSERT INTO sealed VALUES ('consent', $1)"

ASKED: dict[str, Callable[[Tx], Awaitable[Any]]] = {
    "what waits for a leaf": lambda tx: store.unsequenced(tx, limit=1000),
    "how far the numbers are sealed": store.advance_sealed,
    "which sources have holes": lambda tx: store.sources_with_holes(tx, since=NOW - timedelta(minutes=5)),
    "the newest checkpoint": store.newest_checkpoint,
    "the tiles of a root": lambda tx: store.tiles(tx, edge_of(LENGTH)),
    "the tiles of a proof": lambda tx: store.tiles(tx, tiles_above(LENGTH // 2, LENGTH)),
    "leaves to be hashed again": lambda tx: store.kept_leaves(tx, after=LENGTH - 200, limit=100),
    "a page of leaves": lambda tx: store.leaves(tx, LENGTH - 200, LENGTH - 100),
    "a page of events": lambda tx: store.find_events(tx, Filter(), below=LENGTH, after=LENGTH - 200, limit=100),
    "events of a kind that is rare": lambda tx: store.find_events(
        tx, Filter(type="rare.v1"), below=LENGTH, after=0, limit=100
    ),
    "where an event's leaf lies": lambda tx: store.leaf_index_of(tx, source="consent", sequence=LENGTH // 2),
}
READ = "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes"


@pytest.fixture
async def long_log(db: Database) -> Database:
    async with db.transaction() as tx:
        await tx.execute(FILL, LENGTH, NOW)
        for sql in (LEAVES, TILES, SEALED):
            await tx.execute(sql, LENGTH)
    return db


async def test_a_long_log_is_not_read_for_what_a_few_rows_tell(long_log: Database) -> None:
    read = {what: [await rows_read(long_log, ask) for _ in range(7)] for what, ask in ASKED.items()}
    assert {what: rows for what, rows in read.items() if max(rows) > FEW} == {}


async def rows_read(db: Database, ask: Callable[[Tx], Awaitable[Any]]) -> int:
    """Return how many entries of indexes it reads; of whole tables nothing is read, the plans are told."""
    before = await told(db)
    async with db.transaction() as tx:
        await ask(tx)
        await tx.execute("SELECT pg_stat_force_next_flush()")
    return await told(db) - before


async def told(db: Database) -> int:
    async with db.transaction() as tx:
        await tx.execute("SELECT pg_stat_clear_snapshot()")
        return int(await tx.fetchval(READ))
