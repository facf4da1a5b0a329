"""The only place where Python reads the time; everything else is told `now`."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this host's time as an aware datetime in UTC."""
    return datetime.now(UTC)
