"""Reads the catalogue of events and checks it against the schemas and examples beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.files import ROOT, faults, read

FOLDER = ROOT / "events"


@dataclass(frozen=True)
class EventType:
    """One type of event: who says it, who acts on it, what orders it, and how long it is kept."""

    type: str
    owner: str
    summary: str
    numbered: bool
    key: tuple[str, ...]
    readers: tuple[str, ...]
    personal_data: str
    retention: str

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "EventType":
        """Read an entry of the catalogue."""
        rest = {name: value for name, value in entry.items() if name not in {"key", "readers"}}
        return cls(key=tuple(entry["key"]), readers=tuple(entry["readers"]), **rest)

    @property
    def schema(self) -> str:
        """Return the file of its schema, below `contracts/`."""
        return f"events/{self.type}.schema.json"

    @property
    def example(self) -> Any:
        """Return its example, a whole CloudEvent."""
        return read(FOLDER / f"{self.type}.example.json")

    def key_of(self, event: Mapping[str, Any]) -> str | None:
        """Return the key of an event: the first of the places named that is filled."""
        return next((found for place in self.key if (found := _at(event, place)) is not None), None)


def load_event_types() -> dict[str, EventType]:
    """Read the catalogue, by type."""
    entries = read(FOLDER / "catalogue.yaml")["events"]
    return {entry["type"]: EventType.of(entry) for entry in entries}


def retention_of(event_type: EventType) -> Mapping[str, Any]:
    """Return how long events of this type stay where."""
    return read(FOLDER / "catalogue.yaml")["retention"][event_type.retention]


def event_faults() -> Iterator[str]:
    """Yield what is wrong with the catalogue, a schema or an example."""
    wrong = [
        f"events/catalogue.yaml: {f}" for f in faults(read(FOLDER / "catalogue.yaml"), "events/catalogue.schema.json")
    ]
    if wrong:
        yield from wrong
        return
    types = load_event_types()
    yield from _file_faults(types, ".schema.json", {"common", "catalogue"})
    yield from _file_faults(types, ".example.json", set())
    for each in types.values():
        yield from (f"events/{each.type}: {fault}" for fault in _type_faults(each))


def _file_faults(types: Mapping[str, EventType], ending: str, others: set[str]) -> Iterator[str]:
    stems = {path.name.removesuffix(ending) for path in FOLDER.glob(f"*{ending}")} - others
    yield from (f"events/{name}{ending} is missing" for name in sorted(types.keys() - stems))
    yield from (f"events/{name}{ending} is not in the catalogue" for name in sorted(stems - types.keys()))


def _type_faults(each: EventType) -> Iterator[str]:
    if each.type.partition(".")[0] != each.owner:
        yield f"it is owned by {each.owner}"
    if not (FOLDER / f"{each.type}.schema.json").exists() or not (FOLDER / f"{each.type}.example.json").exists():
        return
    example = each.example
    yield from (f"example: {fault}" for fault in faults(example, each.schema))
    if example["type"] != each.type or ("sequence" in example) != each.numbered:
        yield "example: it is of another type"
    if example.get("partitionkey") != each.key_of(example):
        yield f"example: its partitionkey is not {' or '.join(each.key)}"


def _at(event: Any, place: str) -> Any:
    for name in place.split("."):
        event = event.get(name)
    return event
