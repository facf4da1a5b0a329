"""Writes each service's OpenAPI 3.1 documents from its routes: what anybody may call, and what only services may."""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

from contracts.files import ROOT

FOLDER = ROOT / "openapi"
_SERVICES = ROOT.parent / "services"
_INSIDE = "/internal/"
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def render() -> dict[Path, str]:
    """Return the documents by the file they belong in; a service without `__main__.py` does not exist yet."""
    documents: dict[Path, str] = {}
    for main in sorted(_SERVICES.glob("*/__main__.py")):
        whole = _app(main.parent.name).openapi()
        for name, document in split(main.parent.name, whole):
            documents[FOLDER / name] = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return documents


def _app(service: str) -> FastAPI:
    module = importlib.import_module(f"services.{service}.__main__")
    app_for_contract = cast("Callable[[], FastAPI]", module.app_for_contract)
    return app_for_contract()


def split(service: str, whole: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the public document and the one of the inside, each with only the components it uses."""
    yield f"{service}.json", _only(whole, inside=False)
    inside = _only(whole, inside=True)
    if inside["paths"]:
        inside["info"]["title"] += " (inside)"
        yield f"{service}.internal.json", inside


def _only(whole: Mapping[str, Any], *, inside: bool) -> dict[str, Any]:
    document = deepcopy(dict(whole))
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(_INSIDE) == inside}
    components = document.get("components", {})
    used = _used(document["paths"], components)
    document["components"] = {
        kind: kept
        for kind, entries in components.items()
        if (kept := {n: e for n, e in entries.items() if (kind, n) in used})
    }
    return document


def _used(paths: Any, components: Mapping[str, Mapping[str, Any]]) -> set[tuple[str, str]]:
    used: set[tuple[str, str]] = {("securitySchemes", name) for name in _security(paths)}
    todo = list(_references(paths))
    while todo:
        kind, name = todo.pop()
        if (kind, name) not in used:
            used.add((kind, name))
            todo += _references(components[kind][name])
    return used


def _references(content: Any) -> Iterator[tuple[str, str]]:
    match content:
        case {"$ref": str(target)} if target.startswith("#/components/"):
            kind, _, name = target.removeprefix("#/components/").partition("/")
            yield kind, name
        case dict():
            for value in cast("dict[str, Any]", content).values():
                yield from _references(value)
        case list():
            for value in cast("list[Any]", content):
                yield from _references(value)
        case _:
            pass


def _security(paths: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for item in paths.values():
        for method, operation in item.items():
            if method in _METHODS:
                yield from (name for requirement in operation.get("security", []) for name in requirement)
