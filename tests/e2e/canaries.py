"""What must be nowhere: everybody's data in every spelling and encoding in which they could hide, and the search."""

import base64
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast
from urllib.parse import quote, quote_plus

import yaml
from ahocorasick_rs import BytesAhoCorasick

from infra.embedded.environment import ROOT
from infra.simulators.personas import Persona

_SHORTEST = 8
"""Bytes; anything shorter is found by chance."""
_NO_CANARY = {"outcome", "status", "kind", "registered_by", "registered_on", "sex", "child_sex", "birth_place"}


@dataclass(frozen=True)
class Canary:
    """One value of one person; `name` says which, and is all that a finding may show."""

    name: str
    value: str


@dataclass(frozen=True)
class Finding:
    """A canary somewhere. It shows no value."""

    place: str
    where: str
    canary: str
    spelling: str


def canaries_of(people: Mapping[str, Persona], today: date) -> Iterator[Canary]:
    """Yield everybody's data. A birth date of the last year is left out: days of today look like it."""
    for name, person in people.items():
        told = {
            "pin": person.pin,
            "former_pin": person.former_pin,
            "full_name": person.full_name,
            "phone": person.phone,
            "email": person.email,
            "permanent": person.permanent.formatted,
            "permanent_street": person.permanent.street,
            "current": person.current.formatted if person.current else None,
            "vneid_sub": person.account.sub if person.account else None,
            "tech_id": person.account.tech_id if person.account else None,
        }
        yield from (Canary(f"{name}.{what}", value) for what, value in told.items() if value)
        yield from _dates(name, person.birth_date, today)


def canaries_of_registers() -> Iterator[Canary]:
    """Yield the numbers and texts that the registers hold of people."""
    text = (ROOT / "infra/simulators/registries/registry.yaml").read_text("utf-8")
    for register, people in cast(dict[str, dict[str, object]], yaml.safe_load(text)).items():
        for person, entries in people.items():
            for path, value in _leaves(entries):
                if path not in _NO_CANARY and len(value.encode()) >= _SHORTEST and not _is_date(value):
                    yield Canary(f"{person}.{register}.{path}", value)


def _dates(name: str, birth_date: str, today: date) -> Iterator[Canary]:
    if not _is_date(birth_date) or today - date.fromisoformat(birth_date) < timedelta(days=400):
        return
    year, month, day = birth_date.split("-")
    for separator in "-/.":
        yield Canary(f"{name}.birth_date", separator.join((day, month, year)))
        yield Canary(f"{name}.birth_date", separator.join((year, month, day)))
    yield Canary(f"{name}.birth_date_compact", year + month + day)


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _leaves(told: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(told, str):
        yield path, told
    elif isinstance(told, dict):
        for name, value in cast(dict[str, object], told).items():
            yield from _leaves(value, name)
    elif isinstance(told, list):
        for value in cast(list[object], told):
            yield from _leaves(value, path)


# --- spellings and encodings


def spellings(value: str) -> dict[str, str]:
    """Return a value as people and programs write it: in any case, with its marks apart, and without them."""
    bare = "".join(c for c in unicodedata.normalize("NFD", value) if not unicodedata.combining(c))
    bare = bare.replace("đ", "d").replace("Đ", "D")
    written = {"as it is": value, "decomposed": unicodedata.normalize("NFD", value), "bare": bare}
    cases = {f"{kind}, {case}": change(text) for kind, text in written.items() for case, change in _CASES.items()}
    return {text: kind for kind, text in reversed((written | cases).items())}


_CASES = {"small": str.casefold, "capital": str.upper}


def encodings(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield a text as bytes, in each way in which it lies in files, addresses, JSON, dumps and tokens."""
    plain = text.encode()
    yield "UTF-8", plain
    yield "UTF-16 LE", text.encode("utf-16-le")
    yield "UTF-16 BE", text.encode("utf-16-be")
    for escaped in (quote(text, safe=""), quote_plus(text), quote(text)):
        yield "percent", escaped.encode()
        yield "percent, small", _small_percent(escaped).encode()
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "JSON, capital", json.dumps(text)[1:-1].upper().replace("\\U", "\\u").encode()
    yield "JSON in JSON", json.dumps(json.dumps(text)[1:-1])[1:-1].encode()
    yield "hex", plain.hex().encode()
    for shift in range(3):
        yield f"base64 at {shift}", _within_base64(plain, shift)
        yield f"base64url at {shift}", _within_base64(plain, shift).replace(b"+", b"-").replace(b"/", b"_")


def _small_percent(escaped: str) -> str:
    head, *rest = escaped.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _within_base64(plain: bytes, shift: int) -> bytes:
    """Return what of the base64 of a longer text is this one's alone, `shift` bytes after a multiple of three."""
    encoded = base64.b64encode(bytes(shift) + plain)
    first = -(-shift * 8 // 6)
    return encoded[first : (shift + len(plain)) * 8 // 6]


# --- the search


class Search:
    """Finds any of many canaries in one reading."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._labels: dict[bytes, tuple[str, str]] = {}
        for canary in canaries:
            for spelling, kind in spellings(canary.value).items():
                for encoding, needle in encodings(spelling):
                    if len(needle) >= _SHORTEST:
                        self._labels.setdefault(needle, (canary.name, f"{kind}, {encoding}"))
        self._needles = list(self._labels)
        self._automaton = BytesAhoCorasick(self._needles)

    @property
    def longest(self) -> int:
        """How many bytes two readings of one thing have to overlap."""
        return max(map(len, self._needles))

    def find(self, place: str, where: str, content: bytes) -> Iterator[Finding]:
        """Yield what is there, each canary and spelling once."""
        hits = {hit[0] for hit in self._automaton.find_matches_as_indexes(content)}
        yield from (Finding(place, where, *self._labels[self._needles[hit]]) for hit in sorted(hits))
