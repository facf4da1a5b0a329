"""Holds what consent tells others to the contract: every event of a test is checked against its JSON Schema."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from shared import events
from shared.events import Event

_FOLDER = Path("contracts/events")


@cache
def _schemas() -> Registry[Any]:
    written = [json.loads(path.read_text("utf-8")) for path in _FOLDER.glob("*.schema.json")]
    found = [(each["$id"], Resource(each, DRAFT202012)) for each in written if "$id" in each]
    return Registry[Any]().with_resources(found)


def check_event(event: Event) -> None:
    """Raise jsonschema.ValidationError unless the event, as the relay would write it, fits its schema."""
    envelope = json.loads(events.encode("consent", event, sequence=2, previous=1, partition=0))
    schema = json.loads((_FOLDER / f"{event.type}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema, registry=_schemas()).validate(envelope)  # pyright: ignore[reportUnknownMemberType] - its stubs leave a parameter untyped
