"""Plays what reuse's neighbours bring it every moment: consent's watermarks, and a clock that agrees."""

import asyncio

from shared.db import Database

_EVERY = 0.25


async def keep_fresh(db: Database) -> None:
    """Keep watermark and clock comparison of just now, until cancelled."""
    while True:
        async with db.transaction() as tx:
            await tx.execute(
                """INSERT INTO reader_watermark (source, partition, number, t, last, frozen, canonical, signature, kid)
                   VALUES ('consent', 0, 1, clock_timestamp(), 1, false, '', '', '')
                   ON CONFLICT (source, partition) DO UPDATE SET t = excluded.t"""
            )
            await tx.execute(
                """INSERT INTO clock_check (measured_at, offset_ms, within) VALUES (clock_timestamp(), 0, true)
                   ON CONFLICT (consent) DO UPDATE SET measured_at = excluded.measured_at"""
            )
        await asyncio.sleep(_EVERY)
