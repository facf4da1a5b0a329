"""`python -m tests.faults.kills.dying`: runs a service as itself, and has it die where a file says it should.

Production code knows nothing of it: calls and commits are wrapped from outside before the service begins. The
environment names the service (`DYING_AS`) and the file (`DYING_ORDER`), in which somebody writes a point's name.
"""

import inspect
import os
import runpy
import signal
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

from asyncpg.transaction import Transaction

from tests.faults.kills.points import POINTS, Point

_passed: ContextVar[frozenset[str]] = ContextVar("_passed", default=frozenset())
"""The points that this task has passed in the transaction it is in."""


class Reaper:
    """Ends this process at the point that the order names; the order is used up by that."""

    def __init__(self, order: Path) -> None:
        self._order = order

    def die_if_told(self, *names: str) -> None:
        """Die here if it is one of these points that is named."""
        try:
            told = self._order.read_text("utf-8")
        except FileNotFoundError:
            return
        if told in names:
            self._order.unlink()
            os.write(2, f'{{"event":"died at {told}"}}\n'.encode())
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Wrap what has points of this service, and run it."""
    service, reaper = os.environ["DYING_AS"], Reaper(Path(os.environ["DYING_ORDER"]))
    watch_commits(reaper)
    places: dict[str, list[Point]] = {}
    for point in POINTS.values():
        if point.service == service:
            places.setdefault(point.where, []).append(point)
    for where, points in places.items():
        owner, name = find(where)
        setattr(owner, name, wrapped(getattr(owner, name), points, reaper))
    runpy.run_module(f"services.{service}.__main__", run_name="__main__")


def find(where: str) -> tuple[Any, str]:
    """Return whose attribute `module:name` or `module:Class.name` is. Raises ImportError or AttributeError."""
    module, _, path = where.partition(":")
    owner: Any = import_module(module)
    *classes, name = path.split(".")
    for each in classes:
        owner = getattr(owner, each)
    getattr(owner, name)
    return owner, name


def wrapped(call: Callable[..., Any], points: Sequence[Point], reaper: Reaper) -> Callable[..., Any]:
    """Return the call with its points: it may die at its entry, at its end, or with the commit that follows."""
    at = {moment: [p for p in points if p.moment == moment] for moment in ("before", "after")}
    of_commit = [point for point in points if point.moment.endswith("_commit")]

    def enter(values: tuple[Any, ...]) -> None:
        reaper.die_if_told(*(p.name for p in at["before"]))
        concerned = {p.name for p in of_commit if p.event is None or _is_about(values, p.event)}
        _passed.set(_passed.get() | concerned)

    if inspect.iscoroutinefunction(call):

        @wraps(call)
        async def slow(*values: Any, **named: Any) -> Any:
            enter(values)
            result = await call(*values, **named)
            reaper.die_if_told(*(p.name for p in at["after"]))
            return result

        return slow

    @wraps(call)
    def quick(*values: Any, **named: Any) -> Any:
        enter(values)
        result = call(*values, **named)
        reaper.die_if_told(*(p.name for p in at["after"]))
        return result

    return quick


def _is_about(values: tuple[Any, ...], type_: str) -> bool:
    """Say whether one of the arguments is an event of this type."""
    return type_ == "*" or any(getattr(value, "type", None) == type_ for value in values)


def watch_commits(reaper: Reaper, moments: Mapping[str, Point] = POINTS) -> None:
    """Die before or after the commit of a transaction in which a point was passed."""
    leave = Transaction.__aexit__

    async def commit(self: Transaction, extype: object, ex: object, tb: object) -> None:
        passed, _ = _passed.get(), _passed.set(frozenset())
        if extype is None:
            reaper.die_if_told(*(name for name in passed if moments[name].moment == "before_commit"))
        await leave(self, extype, ex, tb)
        if extype is None:
            reaper.die_if_told(*(name for name in passed if moments[name].moment == "after_commit"))

    Transaction.__aexit__ = commit


if __name__ == "__main__":
    main()
