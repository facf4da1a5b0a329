"""Let an auditor read: each reading has a case, a purpose, and its own leaf."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from services.audit import events, policy, store
from services.audit.domain.bundle import BETWEEN_LEAVES, END, Cover, Opened, lines_of
from services.audit.domain.merkle import Tiles, edge_of, tiles_above
from services.audit.domain.note import inclusion_text
from services.audit.domain.reading import Filter, Reason
from shared import outbox
from shared.db import Database, Tx
from shared.errors import NotFound, Unavailable
from shared.tokens import Caller


class NothingSealed(Unavailable):
    """The log is still empty."""

    code = "nothing_sealed"
    fault = "gateway"
    retryable = True


class NoSuchLeaf(NotFound):
    """No such event, or not yet in the tree."""

    code = "no_such_leaf"
    fault = "client"


@dataclass(frozen=True)
class Page:
    """Opened events in the order in which they arrived, and where the next page starts."""

    events: list[Opened]
    next_after: int | None


async def read_events(
    tx: Tx, *, caller: Caller, reason: Reason, filter_: Filter, after: int, limit: int, now: datetime
) -> Page:
    """Open the events that match, `limit` at most, and leave the trace of it in the same transaction (I10)."""
    policy.check_may_read(caller)
    size, _ = await _checkpoint(tx)
    rows = await store.find_events(tx, filter_, below=size, after=after, limit=limit)
    opened = [event for _, event in rows if event]
    filters = filter_.as_json()
    await outbox.append(tx, events.read(caller, reason, kind="events", filters=filters, count=len(opened), now=now))
    return Page(opened, rows[-1][0] if len(rows) == limit else None)


async def open_bundle(
    tx: Tx, *, caller: Caller, reason: Reason, filter_: Filter, limit: int, now: datetime
) -> tuple[Cover, int]:
    """Return the cover of a bundle, with the events that match, and how many leaves follow it: for `carry_away`."""
    policy.check_may_read(caller)
    watermarks = await store.covered_watermarks(tx)  # before the checkpoint: a newer one covers them as well
    size, note = await _checkpoint(tx)
    rows = await store.find_events(tx, filter_, below=size, after=0, limit=limit + 1)
    opened = [event for _, event in rows[:limit] if event]
    filters = filter_.as_json()
    await outbox.append(tx, events.read(caller, reason, kind="bundle", filters=filters, count=len(opened), now=now))
    cover = Cover(made_at=now, checkpoint=note, opened=opened, watermarks=watermarks, more=len(rows) > limit)
    return cover, size


async def carry_away(db: Database, cover: Cover, size: int, *, at_once: int = 1_000) -> AsyncIterator[str]:
    """Write the bundle, so many leaves at a time, for a log is larger than memory; leaves are added, never changed."""
    yield cover.beginning()
    between = ""
    for start in range(0, size, at_once):
        async with db.statement() as tx:
            leaves = await store.leaves(tx, start, min(start + at_once, size))
        if leaves:  # were they deleted, the auditor's tool says so
            yield between + lines_of(leaves)
            between = BETWEEN_LEAVES
    yield END


async def prove_inclusion(tx: Tx, *, caller: Caller, reason: Reason, source: str, sequence: int, now: datetime) -> str:
    """Return a C2SP tlog-proof that this event is in the newest checkpoint."""
    policy.check_may_read(caller)
    size, note = await _checkpoint(tx)
    index = await store.leaf_index_of(tx, source=source, sequence=sequence)
    if index is None or index >= size:
        raise NoSuchLeaf
    tiles = await store.tiles(tx, {*tiles_above(index, size), *edge_of(size)})
    proof = Tiles(size, lambda where: tiles[where]).inclusion_proof(index)
    asked = {"source": source, "sequence": sequence}
    await outbox.append(tx, events.read(caller, reason, kind="proof", filters=dict(asked), count=1, now=now))
    return inclusion_text(index=index, proof=proof, checkpoint=note)


async def get_checkpoint(tx: Tx) -> str:
    """Return the newest signed checkpoint; it tells nothing of anybody, so anybody may keep it."""
    return (await _checkpoint(tx))[1]


async def _checkpoint(tx: Tx) -> tuple[int, str]:
    newest = await store.newest_checkpoint(tx)
    if newest is None:
        raise NothingSealed
    return newest
