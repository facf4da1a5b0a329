"""Reads the files of `contracts/` and holds what is in them to the JSON Schemas beside them."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema_specifications import REGISTRY
from referencing import Registry, Resource

ROOT = Path(__file__).parent
_BASE = "https://contracts.motlan.invalid/"


class Unreadable(ValueError):
    """A file is no YAML or JSON at all; the message says which and where."""


def read(path: Path) -> Any:
    """Return a YAML or JSON file's content. Raises Unreadable."""
    text = path.read_text("utf-8")
    try:
        return yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(f"{path.relative_to(ROOT).as_posix()}: {error}") from error


def faults(instance: Any, schema: str, part: str = "") -> Iterator[str]:
    """Yield where `instance` breaks a schema, named by its path here; `part` points into it (/$defs/grant)."""
    yield from _said(_validator(schema, part), instance)


def schema_faults() -> Iterator[str]:
    """Yield which of our schemas are no schemas, or are not named after their place."""
    for path in _schema_files():
        content = read(path)
        place = path.relative_to(ROOT).as_posix()
        if content["$id"] != _BASE + place:
            yield f"{place}: its $id is not {_BASE + place}"
        meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
        yield from (f"{place}: {fault}" for fault in _said(meta, content))


def _said(validator: Draft202012Validator, instance: Any) -> Iterator[str]:
    errors: Iterator[ValidationError] = validator.iter_errors(instance)  # pyright: ignore[reportUnknownMemberType]  # stubs of jsonschema leave a parameter untyped
    yield from (f"at {error.json_path}: {error.message[:300]}" for error in errors)


def _schema_files() -> list[Path]:
    return sorted([*ROOT.glob("**/schema.json"), *ROOT.glob("**/*.schema.json")])


@cache
def _validator(schema: str, part: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"{_BASE}{schema}#{part}"},
        registry=_registry(),
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


@cache
def _registry() -> Registry[Any]:
    contents = [read(path) for path in _schema_files()]
    return REGISTRY.with_resources([(each["$id"], Resource[Any].from_contents(each)) for each in contents])
