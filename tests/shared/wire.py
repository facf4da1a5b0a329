"""What the game of messaging is played with: a wire in the place of Kafka, handlers that break, and what was seen."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from shared.errors import Unavailable
from shared.events import Received
from shared.kafka import BrokerUnavailable, Message, Record, partition_for
from tests.shared.conftest import PARTITIONS


class Interrupted(Unavailable):
    """The database went away while an event was handled."""

    code = "interrupted"


@dataclass
class Wire:
    """In the place of Kafka: keeps what it acknowledges, and sometimes what it does not."""

    lying: dict[int, list[Record]] = field(default_factory=lambda: {p: [] for p in range(PARTITIONS)})
    outage: str = ""

    async def publish(self, messages: list[Message]) -> None:
        if self.outage == "before":
            raise BrokerUnavailable
        for each in messages:
            lying = self.lying[each.partition]
            lying.append(Record(each.topic, each.partition, len(lying), each.value, dict(each.headers)))
        if self.outage == "after":
            raise BrokerUnavailable


@dataclass
class Late:
    """A transaction that stays open while others commit."""

    connection: Any
    transaction: Any
    event_id: UUID


@dataclass
class Broken:
    """What is wrong with the reader's handlers: they cannot take the next event of some keys, and hence not those."""

    keys: set[str] = field(default_factory=set[str])
    events: set[UUID] = field(default_factory=set[UUID])
    interrupted: bool = False

    def mend(self) -> None:
        """Let the handlers be well again."""
        self.keys.clear()
        self.events.clear()

    def refuses(self, event: Received) -> bool:
        """Say whether this event is poison."""
        if event.key in self.keys:
            self.keys.discard(event.key)
            self.events.add(event.id)
        return event.id in self.events


@dataclass(frozen=True)
class Place:
    """Where the reader stands on a partition."""

    number: int
    last: int
    frozen: bool
    gaps: list[tuple[int, int]]


@dataclass(frozen=True)
class Seen:
    """What both databases hold after a step."""

    sent: list[Any]
    effects: list[int]
    taken: dict[int, str]
    places: dict[int, Place]

    @cached_property
    def keys(self) -> dict[int, str]:
        """Return the key of each numbered event."""
        return {row["sequence"]: row["key"] for row in self.sent if row["sequence"]}

    def partition(self, number: int) -> int:
        """Return where a numbered event belongs."""
        return partition_of(self.keys[number])


def partition_of(key: str) -> int:
    """Return where a key's events lie."""
    return partition_for(key, PARTITIONS)
