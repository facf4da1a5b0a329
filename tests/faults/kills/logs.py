"""What services logged as errors that no crash excuses, or not as lines of JSON."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from infra.embedded.keyring import SERVICES
from tests.faults.processes import System

NO_JSON = "no_json"
"""Excuses lines of libraries: releases before this one let them through."""


def bugs(running: System, excused: Collection[str] = ()) -> Iterator[str]:
    """Yield each kind of error once, told by its event, exception and last frames; an outage of others is none.

    `excused` are events that what was done brings about: somebody shall look at them, and they are no bugs.
    """
    told: set[str] = set()
    for name, process in running.processes.items():
        if not name.startswith(SERVICES):
            continue
        for line in process.log.read_text("utf-8", "replace").splitlines():
            bug = _bug(name, line, excused) if '"level":"error"' in line else _stray(name, line, excused)
            if bug and bug not in told:
                told.add(bug)
                yield bug


def _stray(name: str, line: str, excused: Collection[str]) -> str:
    """Tell what a library or Python itself printed; a killed process's half line begins well all the same."""
    return "" if line.startswith("{") or NO_JSON in excused else f"{name} wrote no JSON: {line[:100]}"


def _bug(name: str, line: str, excused: Collection[str]) -> str:
    try:
        said = json.loads(line)
    except ValueError:  # half a line: its process died over it
        return ""
    if not isinstance(said, dict):
        return ""
    members = cast("Mapping[str, Any]", said)
    if members["event"] in excused or _is_outage(str(members.get("exception", ""))):
        return ""
    cause = members.get("cause", {})
    return (
        f"{name} logged {members['event']}: {members.get('exception')} {members.get('message')} "
        f"{members.get('route', '')} at {' < '.join(reversed(members.get('frames', [])[-4:]))} "
        f"because {cause.get('exception')} {cause.get('message')}"
    )


def _is_outage(exception: str) -> bool:
    """Ours of other parts, and aiokafka's: it leaves tasks behind that nobody awaits when a commit is given up."""
    return exception.endswith("Unavailable") or exception.startswith("aiokafka.")
