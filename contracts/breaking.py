"""Tells what in today's interfaces and events would break somebody who relies on yesterday's."""

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.schema_breaks import Side, escape, schema_breaks

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def openapi_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield what breaks between two OpenAPI documents without references, each with its JSON pointer."""
    for path, item in old["paths"].items():
        now = new["paths"].get(path, {})
        for method in (each for each in _METHODS if each in item):
            at = f"/paths/{escape(path)}/{method}"
            yield from _operation_breaks(item[method], now[method], at) if method in now else [f"{at}: removed"]


def event_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield what breaks between two states of a type of event, `{schema, key, numbered}`: members may only come."""
    yield from (f"/{word}: another one than before" for word in ("key", "numbered") if old[word] != new[word])
    yield from schema_breaks(old["schema"], new["schema"], Side.TOLD, "/schema")


def _operation_breaks(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[str]:
    yield from _parameter_breaks(_parameters(old), _parameters(new), f"{at}/parameters")
    yield from _body_breaks(old.get("requestBody"), new.get("requestBody"), f"{at}/requestBody")
    yield from _answer_breaks(old["responses"], new["responses"], f"{at}/responses")


def _parameters(operation: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    return {(each["in"], each["name"]): each for each in operation.get("parameters", ())}


def _parameter_breaks(old: Mapping[Any, Any], new: Mapping[Any, Any], at: str) -> Iterator[str]:
    for key, each in new.items():
        if each.get("required") and not old.get(key, {}).get("required"):
            yield f"{at}: {' '.join(key)} must be sent now"
    for key, each in old.items():
        if key not in new:
            yield f"{at}: {' '.join(key)} is no longer read"
        else:
            yield from schema_breaks(each["schema"], new[key]["schema"], Side.SENT, f"{at}/{escape(key[1])}/schema")


def _body_breaks(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, at: str) -> Iterator[str]:
    if new and new.get("required") and not (old and old.get("required")):
        yield f"{at}: must be sent now"
    if old and not new:
        yield f"{at}: is no longer read"
    if old and new:
        yield from _content_breaks(old, new, Side.SENT, at)


def _answer_breaks(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at}/{status}: removed" for status in old if status not in new)
    yield from (f"{at}/{status}: nobody expects it" for status in new if status not in old and status[0] in "123")
    for status in (each for each in old if each in new):
        before, after = old[status].get("headers", {}), new[status].get("headers", {})
        yield from (f"{at}/{status}/headers/{name}: removed" for name in before if name not in after)
        yield from _content_breaks(old[status], new[status], Side.TOLD, f"{at}/{status}")


def _content_breaks(old: Mapping[str, Any], new: Mapping[str, Any], side: Side, at: str) -> Iterator[str]:
    after = new.get("content", {})
    for kind, each in old.get("content", {}).items():
        here = f"{at}/content/{escape(kind)}"
        if kind not in after:
            yield f"{here}: removed"
        else:
            yield from schema_breaks(each.get("schema", {}), after[kind].get("schema", {}), side, f"{here}/schema")
