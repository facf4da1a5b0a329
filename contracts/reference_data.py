"""The reference data of `contracts/` as written, by id, for those who check them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.files import ROOT, read

LISTS = {"attributes": "id", "agencies": "uid", "units": "uid"}
"""Folders whose files are lists, and what their entries are known by."""
VERSIONED = {"procedures": "code", "rules": "id", "purposes": "id"}
"""Folders of one thing per file, in versions, and what names the thing."""

Entries = Mapping[str, Any]


@dataclass(frozen=True)
class ReferenceData:
    """All reference data, by id. They have been held to their schemas before."""

    attributes: Entries
    agencies: Entries
    units: Entries
    procedures: Entries
    rules: Entries
    purposes: Entries

    @classmethod
    def load(cls) -> "ReferenceData":
        """Read the files."""
        return cls(
            **{folder: {entry[key]: entry for entry in _entries(folder)} for folder, key in LISTS.items()},
            **{folder: {content[key]: content for content in _contents(folder)} for folder, key in VERSIONED.items()},
        )


def _contents(folder: str) -> Iterator[Any]:
    return map(read, sorted((ROOT / folder).glob("*.yaml")))


def _entries(folder: str) -> Iterator[Any]:
    return (entry for content in _contents(folder) for entry in content[folder])


def unknown(names: Iterable[str], known: Entries) -> Iterator[str]:
    """Yield each name that nothing defines."""
    yield from (f"{name} is defined nowhere" for name in names if name not in known)


def covers(longer: Entries, shorter: Entries) -> bool:
    """Say whether one half-open period holds another; days written YYYY-MM-DD compare as text."""
    if longer["valid_from"] > shorter["valid_from"]:
        return False
    until = longer["valid_until"]
    return until is None or (shorter["valid_until"] is not None and shorter["valid_until"] <= until)
