"""Work that is due again and again: sweepers that a failure does not end."""

import asyncio
from collections.abc import Awaitable, Callable

from shared import log
from shared.errors import Unavailable


async def every(seconds: float, work: Callable[[], Awaitable[object]], name: str) -> None:
    """Run `work` now and then `seconds` after each end, until cancelled. An error is logged, and tried again."""
    while True:
        try:
            await work()
        except Unavailable as outage:
            log.warning("timer_postponed", timer=name, code=outage.code)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next round may find it gone
            log.error("timer_failed", error, timer=name)
        await asyncio.sleep(seconds)
