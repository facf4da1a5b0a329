"""How often each register was asked about whom: lets a demo prove that nothing was fetched twice."""

import hashlib
from collections import Counter

from pydantic import BaseModel

from infra.simulators.registries.registers import Registry


def subject_digest(pin: str) -> str:
    """Return how the journal names a person: enough to count by, without showing the number."""
    return hashlib.sha256(f"journal:{pin}".encode()).hexdigest()[:16]


class Line(BaseModel):
    """Calls with one outcome at one register about one person, and how often each attribute was told."""

    registry: Registry
    outcome: str
    subject: str
    calls: int
    told: dict[str, int]


class Journal:
    """Counts only; who asked for what is kept by those who ask."""

    def __init__(self) -> None:
        self._calls: Counter[tuple[Registry, str, str]] = Counter()
        self._told: Counter[tuple[Registry, str, str, str]] = Counter()

    def note(self, registry: Registry, outcome: str, pin: str, told: frozenset[str]) -> None:
        """Count one answered call."""
        key = (registry, outcome, subject_digest(pin))
        self._calls[key] += 1
        self._told.update((*key, attribute) for attribute in told)

    def lines(self) -> list[Line]:
        """Return the counts in a stable order."""
        return [
            Line(registry=key[0], outcome=key[1], subject=key[2], calls=calls, told=self._told_under(key))
            for key, calls in sorted(self._calls.items())
        ]

    def _told_under(self, key: tuple[Registry, str, str]) -> dict[str, int]:
        return {attribute: n for (*rest, attribute), n in sorted(self._told.items()) if tuple(rest) == key}
