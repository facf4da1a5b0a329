"""How much processor time something took: that tells the same on a busy machine, where rates do not."""

from contextlib import suppress

import psutil


def cpu_seconds(pid: int) -> float:
    """Return what a process, and those it has started, have used until now."""
    main = psutil.Process(pid)
    times = main.cpu_times()
    used = times.user + times.system + times.children_user + times.children_system  # children that have ended
    for child in main.children():
        with suppress(psutil.NoSuchProcess):
            theirs = child.cpu_times()
            used += theirs.user + theirs.system
    return used
