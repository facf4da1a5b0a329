"""What every route refuses before it looks at the meaning: unknown parameters, other types, JSON that is not I-JSON."""

import json
from typing import Any, NoReturn, cast

from fastapi import Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.errors import FieldError, Invalid
from shared.problems import MalformedJson, UnsupportedMediaType

DEEPEST = 32
_EXACT = 1 << 53  # RFC 7493 §2.2: beyond, two readers may read two numbers


async def only_known_query(request: Request) -> None:
    """Refuse a query with a name the route does not know, or one twice: a mistyped filter would filter nothing.

    Not on pages: what a browser was sent with may have grown on the way, and OAuth's answers may (RFC 6749 §4.1.2).
    """
    route = request.scope["route"]
    if not request.scope["query_string"] or getattr(route, "is_page", False):
        return
    known = _query_names(route.dependant)
    names = [name for name, _ in request.query_params.multi_items()]
    if not known.issuperset(names):
        raise Invalid(errors=[FieldError("", "extra_forbidden", "query")])
    if len(set(names)) != len(names):
        raise Invalid(errors=[FieldError("", "doubled", "query")])


async def only_i_json(request: Request) -> None:
    """Refuse a body that is not `application/json`, or that two readers could read differently (RFC 7493)."""
    route = request.scope["route"]
    field = route.body_field if isinstance(route, APIRoute) else None
    if field is None or isinstance(field.field_info, params.Form):
        return
    body = await request.body()
    if not body:
        return
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType
    check(body)


def check(body: bytes) -> None:
    """Raise MalformedJson unless a body is I-JSON of at most `DEEPEST` levels; half characters are for types to see."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_refuse, parse_float=_number)
    except (ValueError, RecursionError):  # so is what is no UTF-8, and a number of thousands of digits
        raise MalformedJson from None
    _check_value(value, DEEPEST)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson
    return members


def _refuse(_: str) -> NoReturn:
    raise MalformedJson


def _number(text: str) -> float:
    number = float(text)
    if not -_EXACT < number < _EXACT:
        raise MalformedJson
    return number


def _check_value(value: Any, levels: int) -> None:
    if isinstance(value, dict | list):
        if levels == 0:
            raise MalformedJson
        for member in cast(dict[str, Any], value).values() if isinstance(value, dict) else cast(list[Any], value):
            _check_value(member, levels - 1)
    elif isinstance(value, int) and not -_EXACT < value < _EXACT:
        raise MalformedJson


def _query_names(dependant: Dependant) -> set[str]:
    return {field.alias for field in dependant.query_params}.union(*map(_query_names, dependant.dependencies))
