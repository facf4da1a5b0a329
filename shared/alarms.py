"""Conditions a person must look at: a row while they hold, shown in /health, a log line when they begin and end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from shared import log
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Alarm:
    """One condition that holds; kind and key together name it."""

    kind: str
    key: str
    detail: Mapping[str, JsonValue]
    since: datetime
    last_seen: datetime


async def raise_alarm(tx: Tx, kind: str, key: str, detail: Mapping[str, JsonValue]) -> None:
    """Note that the condition holds; one that is known keeps its `since` and takes the new detail.

    The detail is shown to operators: ids and numbers, no personal data.
    """
    # A row that this statement inserted has no xmax; two readings of the clock may differ by a microsecond.
    new = await tx.fetchval(
        """INSERT INTO alarm (kind, key, detail) VALUES ($1, $2, $3)
           ON CONFLICT (kind, key) DO UPDATE SET detail = excluded.detail, last_seen = clock_timestamp()
           RETURNING xmax = 0""",
        kind, key, dict(detail),
    )  # fmt: skip
    if new:
        tx.once_committed(lambda: log.warning("alarm_raised", kind=kind, key=key, **detail))


async def clear_alarm(tx: Tx, kind: str, key: str) -> bool:
    """Note that the condition no longer holds; return False, and do nothing, when it did not."""
    held = await tx.fetchval("DELETE FROM alarm WHERE kind = $1 AND key = $2 RETURNING true", kind, key)
    if held:
        tx.once_committed(lambda: log.info("alarm_cleared", kind=kind, key=key))
    return bool(held)


async def raised(tx: Tx) -> list[Alarm]:
    """Return every condition that holds now, oldest first."""
    rows = await tx.fetch("SELECT kind, key, detail, since, last_seen FROM alarm ORDER BY since")
    return [Alarm(row["kind"], row["key"], row["detail"], row["since"], row["last_seen"]) for row in rows]
