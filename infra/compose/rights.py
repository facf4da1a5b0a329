"""Who may do what at the broker: a topic is written by its owner alone, and read by those who follow it."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from infra.topics import SERVICES, TOPICS

FOLLOWS = {
    "identity": ("consent", "reuse", "audit"),
    "consent": ("identity", "reuse", "audit"),
    "reuse": ("identity", "consent", "audit"),
    "audit": ("identity", "consent", "reuse", "audit"),
}
"""Whose events each service reads: its own `SOURCES`, and how far `audit` has sealed."""

SPECTATOR = "tools"
"""May look at everything, and change nothing."""


@dataclass(frozen=True)
class Right:
    """One thing that somebody may do."""

    who: str
    may: Literal["read", "write", "describe"]
    kind: Literal["topic", "group", "cluster"]
    what: str


def rights() -> Generator[Right]:
    """Return all there are."""
    for service in SERVICES:
        yield Right(service, "write", "topic", f"{service}.events")
        yield Right(service, "write", "topic", f"{service}.dead-letters")
        yield Right(service, "read", "group", service)
        for source in FOLLOWS[service]:
            yield Right(service, "read", "topic", f"{source}.events")
    for topic in TOPICS:
        yield Right(SPECTATOR, "read", "topic", topic)
    for service in SERVICES:
        yield Right(SPECTATOR, "describe", "group", service)
    yield Right(SPECTATOR, "describe", "cluster", "kafka-cluster")
