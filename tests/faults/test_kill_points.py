"""The table of points at which processes are killed: complete, and each of them something that exists."""

import re
from collections import Counter
from importlib import import_module

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from infra.embedded.keyring import SERVICES
from services.audit.consumer import HANDLERS as AUDIT
from services.consent.consumer import HANDLERS as CONSENT
from services.identity.consumer import make_handlers
from services.reuse.consumer import HANDLERS as REUSE
from tests.faults.kills.dying import find
from tests.faults.kills.points import ONE_STATEMENT, POINTS, READING, UNREACHED, USE_CASES

_EVERYWHERE = re.compile(r"/health.*|/[a-z]+/(openapi\.json|static/.*|problems/\{name\}/\{trace_id\})")


@pytest.mark.parametrize("where", sorted({point.where for point in POINTS.values()}))
def test_a_point_lies_at_something_that_exists_and_can_be_called(where: str) -> None:
    owner, name = find(where)
    assert callable(getattr(owner, name))


def routes(service: str) -> set[str]:
    app: FastAPI = import_module(f"services.{service}.__main__").app_for_contract()
    found = [route for route in iter_route_contexts(app.routes) if not _EVERYWHERE.fullmatch(route.path or "")]
    return {f"{method} {route.path}" for route in found for method in route.methods or ()}


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_of_a_use_case_that_can_die_or_is_known_to_write_nothing(service: str) -> None:
    writing = {route for each in (*USE_CASES, *ONE_STATEMENT) if each.service == service for route in each.routes}
    reading = set(READING[service])
    assert len(routes(service)) > 3
    assert writing | reading == routes(service)
    assert not writing & reading


@pytest.mark.parametrize(
    ("service", "handled"),
    [
        ("identity", set(make_handlers(None))),  # pyright: ignore[reportArgumentType] - only its keys are looked at
        ("consent", set(CONSENT)),
        ("reuse", set(REUSE)),
        ("audit", set(AUDIT)),
    ],
)
def test_every_handled_event_is_a_use_case_that_can_die(service: str, handled: set[str]) -> None:
    assert {each.event for each in USE_CASES if each.service == service and each.event} == handled


def test_no_two_points_have_one_name_and_each_says_what_it_leaves() -> None:
    named = Counter(f"{each.service}: {each.name}" for each in USE_CASES)
    assert max(named.values()) == 1
    assert all(point.meaning for point in POINTS.values())
    assert all(any(name.startswith(beginning) for name in POINTS) for beginning in UNREACHED)
