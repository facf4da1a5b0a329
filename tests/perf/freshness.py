"""Plays what reuse's neighbours bring it every moment: consent's watermarks, and a clock that agrees."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

_EVERY = 0.2
_TELL = """
INSERT INTO reader_watermark (source, partition, number, t, last, frozen, canonical, signature, kid)
VALUES ('consent', 0, 1, clock_timestamp(), 1, false, '', '', '')
ON CONFLICT (source, partition) DO UPDATE SET t = excluded.t;
INSERT INTO clock_check (measured_at, offset_ms, within) VALUES (clock_timestamp(), 0, true)
ON CONFLICT (consent) DO UPDATE SET measured_at = excluded.measured_at, within = true;
"""


@asynccontextmanager
async def kept_fresh(dsn: str) -> AsyncGenerator[None]:
    """Keep both of just now for as long as the block lasts, on a connection of their own."""
    connection = await asyncpg.connect(dsn, ssl=False)
    await connection.execute(_TELL)
    keeping = asyncio.create_task(_keep(connection))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        await connection.close()


async def _keep(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    while True:
        await asyncio.sleep(_EVERY)
        await connection.execute(_TELL)
