"""Put what arrived into the tree, sign how large it is now, and watch for what misses."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from opentelemetry.trace import SpanKind

from services.audit import store
from services.audit.domain.merkle import TileId, Tiles, edge_of, leaf_hash
from services.audit.domain.note import Checkpoint, NoteKey
from services.audit.store import Waiting
from shared import alarms, log, spans, telemetry
from shared.db import Database, Tx
from shared.measures import SEQUENCED

BATCH = 1000
"""Leaves to a checkpoint: one root and one commit for all of them."""


async def sequence(db: Database, *, key: NoteKey, now: datetime) -> dict[str, int]:
    """Take everything that waits into the tree; return each source's newly sealed number.

    Every batch is one transaction: leaves, tiles and checkpoint are there together or not at all.
    """
    moved: dict[str, int] = {}
    while True:
        started = time.time_ns()
        async with db.transaction() as tx:
            if not await store.become_sequencer(tx):
                return moved
            taken = await _take_batch(tx, key=key, now=now)
            while taken and (further := await store.advance_sealed(tx)):
                moved |= further
        _tell(taken, started)
        if len(taken) < BATCH:
            return moved


def _tell(taken: Sequence[Waiting], started: int) -> None:
    """End the trace of each event with its leaf, once that is committed."""
    if not taken:
        return
    causes = [each.traceparent for each in taken]
    with (
        spans.batch("sign checkpoint", {"motlan.leaves": len(taken)}, started=started),
        spans.each("append leaf", SpanKind.INTERNAL, causes, {}, started=started),
    ):
        telemetry.count(SEQUENCED, {}, len(taken))
        log.info("leaves_appended", leaves=len(taken))


async def _take_batch(tx: Tx, *, key: NoteKey, now: datetime) -> Sequence[Waiting]:
    """Append one batch; returns what waited for it.

    The watermarks are read before the entries: what they swear to lies then among the entries read after them.
    """
    watermarks = await store.received_watermarks(tx)
    waiting = await store.unsequenced(tx, limit=BATCH)
    newest = await store.newest_checkpoint(tx)
    size = newest[0] if newest else 0
    if waiting:
        tiles = _appending(await store.tiles(tx, edge_of(size)), size)
        tiles.append(leaf_hash(each.leaf.canonical()) for each in waiting)
        await store.add_leaves(tx, [(size + n, each.arrived, each.leaf) for n, each in enumerate(waiting)])
        await store.put_tiles(tx, tiles)
        checkpoint = Checkpoint(key.name, tiles.size, tiles.root())
        await store.put_checkpoint(
            tx, size=checkpoint.size, root=checkpoint.root, note=key.sign(checkpoint.text()), now=now
        )
    if len(waiting) < BATCH and (waiting or newest):
        await store.cover_watermarks(tx, watermarks)
    return waiting


def _appending(edge: Mapping[TileId, bytes], size: int) -> Tiles:
    """Return tiles to append to; of a full newest tile nothing is read, the one after it is new."""
    return Tiles(size, lambda where: edge.get(where, b""))


async def watch_for_omissions(tx: Tx, *, now: datetime, bound: timedelta) -> None:
    """Raise an alarm for each source whose numbers have had a hole for longer than `bound`; clear those that closed."""
    holes = await store.sources_with_holes(tx, since=now - bound)
    for source in await store.sealed(tx):
        if source not in holes:
            await alarms.clear_alarm(tx, "omission", source)
    for source, missing in holes.items():
        await alarms.raise_alarm(tx, "omission", source, {"missing": missing})


async def rehash(db: Database) -> int | None:
    """Hash every kept event again; return the index of the first leaf that does not hold, None if all do.

    A proof does not notice an edited row, this does. It raises the alarm `edited_row`.
    """
    after = -1
    while True:
        async with db.read() as tx:
            kept = await store.kept_leaves(tx, after=after, limit=BATCH)
        for leaf in kept:
            if not _holds(leaf):
                async with db.transaction() as tx:
                    await alarms.raise_alarm(tx, "edited_row", str(leaf.index), {"index": leaf.index})
                return leaf.index
        if len(kept) < BATCH:
            return None
        after = kept[-1].index


def _holds(kept: store.Kept) -> bool:
    """Say whether a leaf is what the tree hashed, and (unless erased) what its entry still says.

    Erasing empties an entry, it never removes it.
    """
    if leaf_hash(kept.leaf) != kept.hash:
        return False
    return kept.erased or (kept.expected is not None and kept.expected.canonical() == kept.leaf)
