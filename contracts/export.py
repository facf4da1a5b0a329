"""`python -m contracts.export` writes the contracts made from code; `--check` says what differs or contradicts."""

import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from contracts import asyncapi, openapi
from contracts.event_catalogue import event_faults
from contracts.files import ROOT, Unreadable, schema_faults
from contracts.reference_checks import reference_faults

_SHOWN = 60
"""Lines of a difference that are shown; past that the file is simply another one."""


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code. What is written by hand is checked in both cases."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m contracts.export [--check]", file=sys.stderr)
        return 2
    if found := _written_by_hand():
        return _complain(found)
    made = {asyncapi.PATH: asyncapi.render(), **openapi.render()}
    if arguments:
        return _complain(list(differences(made)))
    _write(made)
    return 0


def _written_by_hand() -> list[str]:
    try:
        return [*schema_faults(), *reference_faults(), *event_faults()]
    except Unreadable as error:
        return [str(error)]


def differences(made: Mapping[Path, str]) -> Iterator[str]:
    """Yield how files on disk differ from what the code says now."""
    for path, content in made.items():
        on_disk = path.read_text("utf-8") if path.exists() else ""
        if on_disk != content:
            name = path.relative_to(ROOT.parent).as_posix()
            lines = difflib.unified_diff(on_disk.splitlines(), content.splitlines(), name, f"{name} (now)", lineterm="")
            yield "\n".join(list(lines)[:_SHOWN])
    for path in sorted(openapi.FOLDER.glob("*.json")):
        if path not in made:
            yield f"{path.relative_to(ROOT.parent).as_posix()}: no service offers this any more"


def _write(made: Mapping[Path, str]) -> None:
    openapi.FOLDER.mkdir(exist_ok=True)
    for path in openapi.FOLDER.glob("*.json"):
        if path not in made:
            path.unlink()
    for path, content in made.items():
        path.write_text(content, "utf-8")


def _complain(found: list[str]) -> int:
    for each in found:
        print(each, file=sys.stderr)
    if found:
        print("The contracts do not hold. What is made from code is written by: make contracts", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
