"""One JSON line per request or event on stdout: surrogate ids and outcomes, never personal data."""

import logging
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
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


def take_over(library: str) -> None:
    """Write the errors that a library logs as lines of ours, with their values blanked; lesser ones are dropped."""
    logger = logging.getLogger(library)
    logger.handlers, logger.propagate = [_Library(logging.ERROR)], False


class _Library(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        error("library_failed", library=record.name, message=_VALUES.sub("…", record.getMessage())[:300])


def describe(exception: BaseException) -> dict[str, object]:
    """Tell everything of an exception but values: type, frames, causes, and its message with values blanked.

    PostgreSQL's DETAIL lines and pydantic's input values repeat what was sent, hence only the first line, blanked.
    """
    first_line = str(exception).partition("\n")[0]
    told: dict[str, object] = {
        "exception": f"{type(exception).__module__}.{type(exception).__qualname__}",
        "message": _VALUES.sub("…", first_line)[:300],
        "frames": [f"{_short(f.filename)}:{f.lineno} {f.name}" for f in extract_tb(exception.__traceback__)],
    }
    if isinstance(exception, BaseExceptionGroup):
        group = cast(BaseExceptionGroup[BaseException], exception)
        told["group"] = [describe(one) for one in group.exceptions]
    if cause := exception.__cause__ or (None if exception.__suppress_context__ else exception.__context__):
        told["cause"] = describe(cause)
    return told


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else filename


def _write(level: str, event: str, fields: dict[str, object]) -> None:
    line = {"time": clock.now(), "level": level, "event": event} | telemetry.ids() | _bound.get() | fields
    sys.stdout.write(orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode() + "\n")
    sys.stdout.flush()
