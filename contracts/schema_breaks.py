"""Tells where a JSON Schema no longer keeps what its earlier self promised, to those who send and to those who read."""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import chain
from typing import Any, cast

_Schema = Mapping[str, Any]


class Side(StrEnum):
    """Who the schema binds: what callers may send must not shrink, what they are told must not grow unexpected."""

    SENT = "sent"
    TOLD = "told"


_LOWEST = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_HIGHEST = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_CLOSED_BOOKS = ("pattern", "format", "not", "if", "then", "else", "uniqueItems", "propertyNames", "patternProperties")
"""Keywords of which nobody can say whether another value is narrower: any other value is a break."""


def schema_breaks(old: Any, new: Any, side: Side, at: str = "") -> Iterator[str]:
    """Yield what breaks, each with the JSON pointer into the schema; both without references (see `expand`)."""
    if old == new:
        return
    before, after = _branches(old), _branches(new)
    if len(before) == len(after) == 1:
        yield from _compare(before[0], after[0], side, at)
        return
    asked, offered = (before, after) if side is Side.SENT else (after, before)
    for each in asked:
        yield from _nearest(each, offered, side, at)


def _nearest(one: _Schema, others: list[_Schema], side: Side, at: str) -> list[str]:
    """Return the breaks against whichever alternative fits best: none where one fits."""
    pairs = [(one, other) if side is Side.SENT else (other, one) for other in others]
    return min(([*_compare(old, new, side, at)] for old, new in pairs), key=len)


def _compare(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    yield from _type_breaks(old, new, side, at)
    yield from _value_breaks(old, new, side, at)
    yield from _bound_breaks(old, new, side, at)
    yield from (f"{at}/{word}: {_changed(word, side)}" for word in _CLOSED_BOOKS if _is_stricter(old, new, word, side))
    yield from _member_breaks(old, new, side, at)
    yield from _other_member_breaks(old, new, side, at)
    yield from _item_breaks(old, new, side, at)


def _type_breaks(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    before, after = _types(old), _types(new)
    if side is Side.SENT and (gone := before - after):
        yield f"{at}/type: {', '.join(sorted(gone))} is no longer taken"
    if side is Side.TOLD and (come := after - before):
        yield f"{at}/type: {', '.join(sorted(come))} was never told before"


def _value_breaks(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    before, after = _values(old), _values(new)
    if side is Side.SENT and after is not None and (before is None or before - after):
        gone = "whatever is not listed" if before is None else ", ".join(sorted(before - after))
        yield f"{at}/enum: {gone} is no longer taken"
    if side is Side.TOLD and before is not None and (after is None or after - before):
        come = "any value" if after is None else ", ".join(sorted(after - before))
        yield f"{at}/enum: {come} was never told before"


def _bound_breaks(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    for word, lowest in chain(((w, True) for w in _LOWEST), ((w, False) for w in _HIGHEST)):
        loose = float("-inf") if lowest else float("inf")
        before, after = old.get(word, loose), new.get(word, loose)
        if before != after and (after > before) is (lowest is (side is Side.SENT)):
            yield f"{at}/{word}: {_changed(word, side)}"


def _is_stricter(old: _Schema, new: _Schema, word: str, side: Side) -> bool:
    bound_by = new if side is Side.SENT else old
    return word in bound_by and old.get(word) != new.get(word)


def _changed(word: str, side: Side) -> str:
    if side is Side.SENT:
        return f"what was taken may be refused by {word}"
    return f"what is told is no longer bound by {word}"


def _member_breaks(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, still_needed = set(old.get("required", ())), set(new.get("required", ()))
    yield from (f"{at}/properties/{escape(name)}: removed" for name in before if name not in after)
    if side is Side.SENT:
        yield from (f"{at}/required: {name} must be sent now" for name in sorted(still_needed - needed))
    else:
        kept = (needed - still_needed) & after.keys()
        yield from (f"{at}/required: {name} is no longer always told" for name in sorted(kept))
    for name in before:
        if name in after:
            yield from schema_breaks(before[name], after[name], side, f"{at}/properties/{escape(name)}")


def _other_member_breaks(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    here = f"{at}/additionalProperties"
    if before is not False and after is not False:
        yield from _inner(before, after, side, here)
    elif side is Side.SENT and after is False and before is not False:
        yield f"{here}: other members are no longer taken"
    elif side is Side.TOLD and before is False and after is not False:
        yield f"{here}: a closed object is open now"


def _item_breaks(old: _Schema, new: _Schema, side: Side, at: str) -> Iterator[str]:
    if "items" in old or "items" in new:
        yield from _inner(old.get("items", True), new.get("items", True), side, f"{at}/items")


def _inner(old: Any, new: Any, side: Side, at: str) -> Iterator[str]:
    """Compare where a schema may also be `true`: anything."""
    yield from schema_breaks({} if old is True else old, {} if new is True else new, side, at)


def _branches(schema: _Schema) -> list[_Schema]:
    """Return the alternatives of a schema, each with the rest of it; one without any is its only alternative."""
    word = next((each for each in ("anyOf", "oneOf") if each in schema), None)
    if word is None:
        return [schema]
    rest = {name: value for name, value in schema.items() if name != word}
    return [branch for each in schema[word] for branch in _branches(rest | each)]


_ALL = frozenset({"null", "boolean", "object", "array", "integer", "fraction", "string"})


def _types(schema: _Schema) -> frozenset[str]:
    told = cast("str | list[str] | None", schema.get("type"))
    if told is None:
        return _ALL
    named = {told} if isinstance(told, str) else set(told)
    return frozenset(named - {"number"} | ({"integer", "fraction"} if "number" in named else set()))


def _values(schema: _Schema) -> frozenset[str] | None:
    """Return the listed values as text, as JSON writes them; None where anything goes."""
    if "const" in schema:
        return frozenset({json.dumps(schema["const"])})
    return frozenset(json.dumps(each, sort_keys=True) for each in schema["enum"]) if "enum" in schema else None


def escape(name: str) -> str:
    """Write a name as a step of a JSON pointer (RFC 6901 §3)."""
    return name.replace("~", "~0").replace("/", "~1")
