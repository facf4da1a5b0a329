"""Runs a service whose clock is wrong by what a file says, from one moment to the next."""

import os
import runpy
import time
from datetime import datetime, timedelta
from pathlib import Path

from shared import clock

_READ_EVERY = 0.2


class Skew:
    """How far this process's clock is from the host's, as the file says now and then."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at, self._by = float("-inf"), timedelta()

    def get(self) -> timedelta:
        """Return it; zero while there is no file."""
        now = time.monotonic()
        if now - self._read_at >= _READ_EVERY:
            self._read_at = now
            try:
                self._by = timedelta(seconds=float(self._file.read_text("utf-8")))
            except (FileNotFoundError, ValueError):  # none, or half written: it is read again at once
                self._by = timedelta()
        return self._by


def main() -> None:
    """Put the clock wrong, and run the service."""
    skew, right = Skew(Path(os.environ["SKEWED_BY"])), clock.now

    def wrong() -> datetime:
        return right() + skew.get()

    clock.now = wrong
    runpy.run_module(f"services.{os.environ['SKEWED_AS']}.__main__", run_name="__main__")


if __name__ == "__main__":
    main()
