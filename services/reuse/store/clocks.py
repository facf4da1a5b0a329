"""How far this database's clock is from that of consent's (architecture §6)."""

from datetime import datetime, timedelta

from shared.db import Tx


async def keep_measurement(tx: Tx, *, offset: timedelta, within: bool) -> None:
    """Store the newest measurement; releases are refused without one that is recent and within the bound."""
    await tx.execute(
        """INSERT INTO clock_check (measured_at, offset_ms, within) VALUES (clock_timestamp(), $1, $2)
           ON CONFLICT (consent) DO UPDATE
           SET measured_at = excluded.measured_at, offset_ms = excluded.offset_ms, within = excluded.within""",
        offset / timedelta(milliseconds=1), within,
    )  # fmt: skip


async def read_clock(tx: Tx) -> datetime:
    """Return this database's time."""
    return await tx.fetchval("SELECT clock_timestamp()")
