"""Says the same JSON in other words that are as legal, or only half of it."""

import json
from random import Random
from typing import cast

from pydantic import JsonValue

_EXTRA: dict[str, JsonValue] = {"x_node": "hn-07", "_links": {"self": None}, "warnings": []}
_SPACES = ((",", ":"), (", ", ": "), (" ,\n\t", " :\r\n "))


def reworded(body: bytes, luck: Random) -> bytes:
    """Return a JSON object with its members in another order, other spaces and escapes, and members more."""
    told: JsonValue = json.loads(body)
    if not isinstance(told, dict):
        return body
    extra = {name: value for name, value in _EXTRA.items() if luck.random() < 0.5}
    shuffled = _shuffled({**told, **extra}, luck)
    text = json.dumps(shuffled, ensure_ascii=luck.random() < 0.5, separators=luck.choice(_SPACES))
    return luck.choice(["", "\n", " \t\r\n"]).encode() + text.encode() + b"\n"


def halved(body: bytes, luck: Random) -> bytes:
    """Return a register's answer without some of its attributes, and without naming them as missing."""
    told: JsonValue = json.loads(body)
    attributes = told.get("attributes") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(attributes, dict) or len(attributes) < 2:
        return body
    names = list(attributes)
    kept = set(luck.sample(names, luck.randrange(1, len(names))))
    return json.dumps({**told, "attributes": {name: attributes[name] for name in names if name in kept}}).encode()


def _shuffled(told: JsonValue, luck: Random) -> JsonValue:
    if isinstance(told, list):
        return [_shuffled(each, luck) for each in told]
    if not isinstance(told, dict):
        return told
    names = list(told)
    luck.shuffle(names)
    return cast(JsonValue, {name: _shuffled(told[name], luck) for name in names})
