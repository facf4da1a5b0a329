"""What a city system does about sources that fail: it tries again what the gateway says may be tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from infra.client.gateway import Json
from infra.client.oauth import LoginFailed

T = TypeVar("T")

SOURCE_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
"""OAuth's words for a login that VNeID's failure ended; she may begin it anew."""
TRIES = 20


async def while_vneid_fails(log_in: Callable[[], Awaitable[T]], *, tries: int = TRIES) -> T:
    """Begin a login anew as long as it is VNeID that fails. Raises LoginFailed for every other end."""
    for last in range(1, tries + 1):
        try:
            return await log_in()
        except LoginFailed as failed:
            if failed.error not in SOURCE_ERRORS or last == tries:
                raise
        await asyncio.sleep(pause(last))
    raise AssertionError("unreachable")


async def until_sources_answer(collect: Callable[[], Awaitable[Json]], *, tries: int = TRIES) -> Json:
    """Collect again as long as a component of the plan is retryable; returns the last plan, whatever it says."""
    for last in range(1, tries):
        plan = await collect()
        if not any(component["retryable"] for component in cast(list[dict[str, Any]], plan["components"])):
            return plan
        await asyncio.sleep(pause(last))
    return await collect()


def pause(tries: int) -> float:
    """Return how long to wait before the next try, in seconds."""
    return min(0.1 * 2**tries, 2.0)
