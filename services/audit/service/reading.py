"""Let an auditor read: each reading has a case, a purpose, and its own leaf."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.audit import events, policy, store
from services.audit.domain.bundle import BEFORE_LEAVES, BETWEEN, END, Cover, Opened, lines_of, lines_of_opened
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


@dataclass(frozen=True)
class Contents:
    """What a bundle will have: its cover, the events to open in it by their arrival numbers, so many leaves."""

    cover: Cover
    arrivals: Sequence[int]
    leaves: int


async def open_bundle(
    tx: Tx, *, caller: Caller, reason: Reason, filter_: Filter, limit: int, now: datetime
) -> Contents:
    """Find what belongs into a bundle, and leave the trace of it in the same transaction (I10)."""
    policy.check_may_read(caller)
    watermarks = await store.covered_watermarks(tx)  # before the checkpoint: a newer one covers them as well
    size, note = await _checkpoint(tx)
    found = await store.find_arrivals(tx, filter_, below=size, limit=limit + 1)
    opened, filters = found[:limit], filter_.as_json()
    await outbox.append(tx, events.read(caller, reason, kind="bundle", filters=filters, count=len(opened), now=now))
    return Contents(Cover(made_at=now, checkpoint=note, watermarks=watermarks, more=len(found) > limit), opened, size)


async def carry_away(db: Database, contents: Contents, *, at_once: int = 1_000) -> AsyncIterator[str]:
    """Write the bundle, so many leaves at a time, and a tenth as many events: a log is larger than memory.

    An event erased meanwhile is not in it. Leaves that miss are not made up for: the auditor's tool says so.
    """

    async def opened(tx: Tx, start: int, end: int) -> str:
        return lines_of_opened(await store.opened(tx, contents.arrivals[start:end]))

    async def leaves(tx: Tx, start: int, end: int) -> str:
        return lines_of(await store.leaves(tx, start, end))

    yield contents.cover.beginning()
    async for piece in _written(db, opened, len(contents.arrivals), max(1, at_once // 10)):
        yield piece
    yield BEFORE_LEAVES
    async for piece in _written(db, leaves, contents.leaves, at_once):
        yield piece
    yield END


async def _written(
    db: Database, read: Callable[[Tx, int, int], Awaitable[str]], count: int, at_once: int
) -> AsyncIterator[str]:
    between = ""
    for start in range(0, count, at_once):
        async with db.statement() as tx:
            lines = await read(tx, start, min(start + at_once, count))
        if lines:
            yield between + lines
            between = BETWEEN


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
