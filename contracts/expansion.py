"""Writes schemas out in full, without references and `allOf`, so that two states of them can be laid side by side."""

from collections.abc import Callable, Mapping
from typing import Any, cast

Resolve = Callable[[str, str], tuple[str, Any]]
"""Finds what a reference in a document means: (document, reference) to (document it lies in, content)."""


def expand(content: Any, document: str, resolve: Resolve, inside: frozenset[str] = frozenset()) -> Any:
    """Return `content` of `document` in full; where something refers to itself the reference stays."""
    match content:
        case {"$ref": str()}:
            return _referred(cast("dict[str, Any]", content), document, resolve, inside)
        case dict():
            members = cast("dict[str, Any]", content)
            whole = {name: expand(value, document, resolve, inside) for name, value in members.items()}
            return _merged(whole) if isinstance(whole.get("allOf"), list) else whole
        case list():
            return [expand(each, document, resolve, inside) for each in cast("list[Any]", content)]
        case _:
            return content


def _referred(content: Mapping[str, Any], document: str, resolve: Resolve, inside: frozenset[str]) -> Any:
    target, found = resolve(document, content["$ref"])
    place = f"{target} {content['$ref'].rpartition('#')[2]}"
    if place in inside:
        return dict(content)
    beside = {name: value for name, value in content.items() if name != "$ref"}
    whole = expand(found, target, resolve, inside | {place})
    return whole | expand(beside, document, resolve, inside)


def _merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema and those it must also fit as one."""
    whole: dict[str, Any] = {}
    for each in [*schema["allOf"], {name: value for name, value in schema.items() if name != "allOf"}]:
        for word, value in each.items():
            whole[word] = _both(word, whole[word], value) if word in whole else value
    return whole


_OWN = {"title", "description", "$id", "$schema"}
_SEVERAL = {"pattern", "not", "if", "then", "else"}
"""Words of which each value holds; side by side they are enough to see that one changed."""


def _both(word: str, one: Any, other: Any) -> Any:
    if word == "properties":
        shared = {name: _merged({"allOf": [one[name], other[name]]}) for name in one.keys() & other.keys()}
        return one | other | shared
    if word == "required":
        return sorted({*one, *other})
    if one == other or word in _OWN:
        return other
    if word in _SEVERAL:
        return [*(cast("list[Any]", one) if isinstance(one, list) else [one]), other]
    if word == "enum":
        return [each for each in one if each in other]
    raise NotImplementedError(f"two values of {word} that must hold together")


def pointed(content: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) leads to."""
    for step in pointer.split("/")[1:]:
        content = content[step.replace("~1", "/").replace("~0", "~")]
    return content
