"""Ends a process whose event loop stands still: a restart mends it, while a silent zombie would keep its partitions."""

import asyncio
import faulthandler
import os
import threading
from collections.abc import Generator
from contextlib import contextmanager

from shared import log

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""

_LOOKS = 20
"""As often the loop is looked at before it is given up. Looks are counted, not seconds: a process that was stopped as a
whole (SIGSTOP, a sleeping laptop) has looked once less, and lives."""


@contextmanager
def watching(loop: asyncio.AbstractEventLoop, *, bound: float = 20.0) -> Generator[None]:
    """End the process, with every thread's stack on stderr, once the loop has not turned for `bound` seconds."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(loop, over, bound), name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(loop: asyncio.AbstractEventLoop, over: threading.Event, bound: float) -> None:
    while not over.is_set():
        turned = threading.Event()
        loop.call_soon_threadsafe(turned.set)
        looks = 0
        while not over.wait(bound / _LOOKS) and not turned.is_set():
            looks += 1
            if looks >= _LOOKS:
                _end(bound)


def _end(bound: float) -> None:
    log.error("event_loop_stuck", seconds=bound)
    faulthandler.dump_traceback()
    os._exit(EXIT_CODE)
