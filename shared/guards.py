"""Keeps the rule that every route knows who calls, or says openly that anybody may."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

F = TypeVar("F", bound=Callable[..., Any])

_GUARD = "__is_guard__"
_PUBLIC = "__is_public__"


class Unguarded(Exception):
    """A route has neither a caller nor the mark `public`: the application does not start."""


def guard(dependency: F) -> F:
    """Mark a dependency that returns only for somebody it knows: a caller, an inside caller, a browser's session."""
    setattr(dependency, _GUARD, True)
    return dependency


def public(endpoint: F) -> F:
    """Mark a route that anybody may call; put it directly under the route's decorator."""
    setattr(endpoint, _PUBLIC, True)
    return endpoint


def check_all_guarded(app: FastAPI) -> None:
    """Raise Unguarded, naming them, if any of the routes is neither guarded nor public."""
    if open_routes := [f"{route.name} {route.path}" for route in _api_routes(app) if not _is_named(route)]:
        raise Unguarded(f"neither guarded nor public: {', '.join(open_routes)}")


def public_routes(app: FastAPI) -> set[tuple[str, str]]:
    """List the public routes as (method, path), for the test that holds the list."""
    return {
        (method, route.path or "")
        for route in _api_routes(app)
        if getattr(route.endpoint, _PUBLIC, False)
        for method in route.methods or ()
    }


def _api_routes(app: FastAPI) -> list[RouteContext]:
    return [route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)]


def _is_named(route: RouteContext) -> bool:
    return bool(getattr(route.endpoint, _PUBLIC, False)) or _has_guard(route.dependant)


def _has_guard(dependant: Dependant) -> bool:
    return bool(getattr(dependant.call, _GUARD, False)) or any(map(_has_guard, dependant.dependencies))
