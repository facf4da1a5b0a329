"""The only place where Python reads the time; everything else is told `now`."""

import time
from datetime import UTC, datetime

# Linux's clock that goes on while the host sleeps; elsewhere one that at least nobody sets.
_TICKING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """Return this host's time as an aware datetime in UTC."""
    return datetime.now(UTC)


def ticks() -> float:
    """Return seconds of a clock that nobody sets: only differences, on this host since it started, mean anything."""
    return time.clock_gettime(_TICKING)
