"""Puts what is measured on one core, and what measures it, with PostgreSQL, on another."""

import os
from functools import cache


@cache  # what this process was given; once it is pinned it sees one core only
def cores() -> tuple[int, int]:
    """Return the core of the measured server and that of everything else; the same one where there is but one."""
    if not hasattr(os, "sched_getaffinity"):
        return 0, 0  # macOS: processes cannot be pinned
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


def pin(core: int) -> None:
    """Keep this process, and what it starts from now on, on one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
