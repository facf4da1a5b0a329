"""Holds the events that a service appends to its outbox to their published schemas."""

from collections.abc import Mapping
from typing import Any

from contracts.event_catalogue import load_event_types
from contracts.files import faults

_TYPES = load_event_types()


def assert_event_matches_schema(type: str, data: Mapping[str, Any], key: str | None = None) -> None:
    """Fail unless the type is in the catalogue, its data fit its schema, and the key, if given, is the one published.

    Made for rows of the outbox: `assert_event_matches_schema(row["type"], row["data"], row["key"])`.
    """
    assert type in _TYPES, f"{type} is not in contracts/events/catalogue.yaml"
    each = _TYPES[type]
    found = list(faults(dict(data), each.schema, "/properties/data"))
    assert not found, f"{type}: {'; '.join(found)}"
    if key is not None and each.key != ("id",):  # an event whose key is its own id has it outside the data
        assert key == each.key_of({"data": data}), f"{type}: its key is not {' or '.join(each.key)}"
