"""One JSON line per request or event on stdout: surrogate ids and outcomes, never personal data."""

import logging
import math
import re
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from traceback import extract_tb
from typing import cast

import orjson

from shared import clock, telemetry

_bound: ContextVar[dict[str, object]] = ContextVar("log_bound", default={})  # noqa: B039 - never changed in place

# What a message may carry of a person: quoted values, numbers that could be a PIN, a phone or a date.
_VALUES = re.compile(r"""'[^']*'|"[^"]*"|\([^)]*\)|\d[\d\-/.]{4,}\d""")
_ROOT = Path(__file__).parent.parent
_ONCE_IN_SECONDS, _MOST_KINDS = 60.0, 256


@contextmanager
def bound(**fields: object) -> Generator[None]:
    """Add fields, such as the service's name, to every line written within; the trace is added by itself."""
    token = _bound.set(_bound.get() | fields)
    try:
        yield
    finally:
        _bound.reset(token)


def info(event: str, **fields: object) -> None:
    """Write a line; `event` is a snake_case name, the fields are ids, numbers and outcomes."""
    _write("info", event, fields)


def warning(event: str, **fields: object) -> None:
    """Write a line about something that somebody should look at in working hours."""
    _write("warning", event, fields)


def error(event: str, exception: BaseException | None = None, **fields: object) -> None:
    """Write a line about something that somebody should look at now, with the exception's whole trace."""
    _write("error", event, fields | (describe(exception) if exception else {}))


@contextmanager
def speaking_for_libraries() -> Generator[None]:
    """Write, within, the errors that libraries log as lines of ours, each kind once a minute; lesser ones are dropped.

    What is bound here is in lines from their own threads too. They are warnings: what a library could not do, its
    caller tells; but for a task that failed and nobody awaited, which only asyncio can tell.
    """
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    root.addHandler(_Libraries(_bound.get()))
    try:
        yield
    finally:
        root.handlers = before


class _Libraries(logging.Handler):
    """Values are blanked in what it writes, and only the first line is; `unsaid` counts what came since the last."""

    def __init__(self, bound_here: Mapping[str, object]) -> None:
        super().__init__(logging.ERROR)
        self._bound_here = bound_here
        self._told: dict[tuple[str, str], float] = {}
        self._unsaid: Counter[tuple[str, str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, unless one of its kind was written within the last minute. Never raises."""
        try:
            self._emit(record)
        except Exception as failed:  # noqa: BLE001 - it would end whatever the library was about to do about its error
            warning("library_failed", library=record.name, said="", unsaid=0, reason=type(failed).__name__)

    def _emit(self, record: logging.LogRecord) -> None:
        kind, now = (record.name, str(record.msg).partition("\n")[0]), clock.ticks()
        if now - self._told.get(kind, -math.inf) < _ONCE_IN_SECONDS:
            self._unsaid[kind] += 1
            return
        if len(self._told) >= _MOST_KINDS:  # a library that writes values into what should be a template
            self._told.clear()
            self._unsaid.clear()
        self._told[kind] = now
        exception = record.exc_info[1] if record.exc_info else None
        level = "error" if record.name == "asyncio" and exception else "warning"
        told = {"library": record.name, "said": _blanked(record.getMessage()), "unsaid": self._unsaid.pop(kind, 0)}
        _write(level, "library_failed", {**self._bound_here, **told} | (describe(exception) if exception else {}))


def describe(exception: BaseException) -> dict[str, object]:
    """Tell everything of an exception but values: type, frames, causes, and its message with values blanked.

    PostgreSQL's DETAIL lines and pydantic's input values repeat what was sent, hence only the first line, blanked.
    """
    told: dict[str, object] = {
        "exception": f"{type(exception).__module__}.{type(exception).__qualname__}",
        "message": _blanked(str(exception)),
        "frames": [f"{_short(f.filename)}:{f.lineno} {f.name}" for f in extract_tb(exception.__traceback__)],
    }
    if isinstance(exception, BaseExceptionGroup):
        group = cast(BaseExceptionGroup[BaseException], exception)
        told["group"] = [describe(one) for one in group.exceptions]
    if cause := exception.__cause__ or (None if exception.__suppress_context__ else exception.__context__):
        told["cause"] = describe(cause)
    return told


def _blanked(message: str) -> str:
    return _VALUES.sub("…", message.partition("\n")[0])[:300]


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else filename


def _write(level: str, event: str, fields: dict[str, object]) -> None:
    line = {"time": clock.now(), "level": level, "event": event} | telemetry.ids() | _bound.get() | fields
    told = orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()
    with suppress(OSError, ValueError):  # a full disk, or nobody who reads: what was to be told of matters more
        sys.stdout.write(told + "\n")
        sys.stdout.flush()
