"""Tell every service how far its events are in the log, so that none relies on proof that is not there."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from services.audit import store
from shared.db import Database
from shared.events import Data, written
from shared.messaging import SEALED

Announce = Callable[[str, Data], Awaitable[None]]
"""Publishes a signed message without a number: (type, data)."""


async def announce(moved: Mapping[str, int], *, db: Database, say: Announce, now: datetime) -> None:
    """Say `audit.sealed.v1` for each source: all its events up to this number are leaves under a signed checkpoint."""
    if not moved:
        return
    async with db.read() as tx:
        newest = await store.newest_checkpoint(tx)
    size = newest[0] if newest else 0
    for source, sequence in moved.items():
        data: Data = {"source": source, "sequence": sequence, "sealed_at": written(now), "tree_size": size}
        await say(SEALED, data)


async def announce_all(*, db: Database, say: Announce, now: datetime) -> None:
    """Say it again for every source: a message without a number may have been missed."""
    async with db.read() as tx:
        sealed = await store.sealed(tx)
    await announce(sealed, db=db, say=say, now=now)
