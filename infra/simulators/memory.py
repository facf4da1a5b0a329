"""What a simulator remembers for a while and then forgets; nothing outlives the process."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """A dict whose entries end: what has ended is absent, and is dropped at the next `put`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._entries: dict[K, tuple[V, datetime]] = {}

    def put(self, key: K, value: V, until: datetime) -> None:
        """Remember `value` under `key` before `until`, in place of what was there."""
        now = self._now()
        self._entries = {k: entry for k, entry in self._entries.items() if entry[1] > now}
        self._entries[key] = (value, until)

    def find(self, key: K) -> V | None:
        """Return what is remembered under `key`, None when nothing is or it has ended."""
        entry = self._entries.get(key)
        return entry[0] if entry and entry[1] > self._now() else None

    def forget(self, key: K) -> None:
        """Drop `key`, if it is there."""
        self._entries.pop(key, None)
