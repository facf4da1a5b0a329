"""Gathers what outsiders rely on in one shape, as it stands now and as it was released last."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts import openapi
from contracts.breaking import event_breaks, openapi_breaks
from contracts.event_catalogue import load_event_types
from contracts.expansion import expand, pointed
from contracts.files import ROOT, read

RELEASED = ROOT / "released"


@dataclass(frozen=True)
class Promises:
    """Interfaces by the name of their document and events by type, each written out without references."""

    interfaces: Mapping[str, Any]
    events: Mapping[str, Any]

    @classmethod
    def now(cls) -> "Promises":
        """Return what the files of `contracts/` say now."""
        documents = {path.stem: read(path) for path in sorted(openapi.FOLDER.glob("*.json"))}
        events = {
            each.type: {"key": list(each.key), "numbered": each.numbered, "schema": _expanded(each.schema)}
            for each in load_event_types().values()
        }
        return cls({name: _interface(document) for name, document in documents.items()}, events)

    @classmethod
    def released(cls, folder: Path = RELEASED) -> "Promises":
        """Return what was released last; nothing where nothing ever was."""
        kinds = [{path.stem: read(path) for path in sorted(folder.glob(f"{kind}/*.json"))} for kind in cls.KINDS]
        return cls(*kinds)

    KINDS = ("interfaces", "events")

    def write(self, folder: Path = RELEASED) -> None:
        """Put each promise into a file of its own; those that are no longer made go."""
        for kind in self.KINDS:
            made: Mapping[str, Any] = getattr(self, kind)
            (folder / kind).mkdir(parents=True, exist_ok=True)
            for path in (folder / kind).glob("*.json"):
                if path.stem not in made:
                    path.unlink()
            for name, content in made.items():
                text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
                (folder / kind / f"{name}.json").write_text(f"{text}\n", "utf-8")


def interface_breaks(old: Promises, new: Promises) -> Iterator[str]:
    """Yield what breaks for whoever calls us, or would do without an event that goes: a major version may."""
    for name, document in old.interfaces.items():
        found = openapi_breaks(document, new.interfaces[name]) if name in new.interfaces else [": removed"]
        yield from (f"openapi/{name}{each}" for each in found)
    yield from (f"events/{name}: removed" for name in old.events if name not in new.events)


def changed_events(old: Promises, new: Promises) -> Iterator[str]:
    """Yield what breaks for whoever reads a type of event that stays: never allowed, a new version is a new type."""
    for name, promise in old.events.items():
        if name in new.events:
            yield from (f"events/{name}{each}" for each in event_breaks(promise, new.events[name]))


def _interface(document: Mapping[str, Any]) -> dict[str, Any]:
    return {"paths": expand(document["paths"], "", lambda _, ref: ("", pointed(document, ref.removeprefix("#"))))}


def _expanded(schema: str) -> Any:
    return expand(read(ROOT / schema), schema, _resolve)


def _resolve(document: str, reference: str) -> tuple[str, Any]:
    file, _, pointer = reference.partition("#")
    target = (Path(document).parent / file).as_posix() if file else document
    return target, pointed(read(ROOT / target), pointer)
