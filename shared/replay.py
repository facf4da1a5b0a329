"""Remembers what may be used once, in PostgreSQL, so that all replicas agree and a restart forgets nothing."""

from datetime import datetime

from shared.db import Tx
from shared.errors import Unauthenticated


class Replayed(Unauthenticated):
    """It has been used before."""

    code = "replayed"


async def use_once(tx: Tx, kind: str, key: str, until: datetime) -> None:
    """Use `key` up; `until` is when it is refused for its age anyway and may be forgotten.

    Raises Replayed for all but the first: a second user waits for the first one's commit, then loses.
    """
    first = await tx.fetchval(
        "INSERT INTO replay (kind, key, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true",
        kind,
        key,
        until,
    )
    if not first:
        raise Replayed


async def forget_expired(tx: Tx, *, now: datetime) -> None:
    """Delete what would be refused for its age."""
    await tx.execute("DELETE FROM replay WHERE expires_at < $1", now)
