"""`python -m contracts.release [--major]` makes what the contracts say a promise; `--check` says what breaks one."""

import sys
from pathlib import Path

from contracts.promises import RELEASED, Promises, changed_events, interface_breaks

_USAGE = "usage: python -m contracts.release [--check | --major]"


def main(arguments: list[str], folder: Path = RELEASED) -> int:
    """Check or release; returns the exit code. A type of event that stays is never broken, by no version."""
    if arguments not in ([], ["--check"], ["--major"]):
        print(_USAGE, file=sys.stderr)
        return 2
    old, new = Promises.released(folder), Promises.now()
    major = arguments == ["--major"]
    found = list(changed_events(old, new))
    if not major:
        found += interface_breaks(old, new)
    if found:
        return _complain(found)
    if not arguments or major:
        _release(old, new, folder, major=major)
    return 0


def _release(old: Promises, new: Promises, folder: Path, *, major: bool) -> None:
    version = folder / "VERSION"
    if old == new:
        print(f"Nothing is new since {version.read_text('utf-8').strip()}.")
        return
    new.write(folder)
    last = version.read_text("utf-8").strip() if version.exists() else "0.0"
    version.write_text(f"{_next(last, major=major)}\n", "utf-8")
    print(f"Released {version.read_text('utf-8').strip()}.")


def _next(last: str, *, major: bool) -> str:
    first, second = map(int, last.split("."))
    return f"{first + 1}.0" if major else f"{first}.{second + 1}"


def _complain(found: list[str]) -> int:
    for each in found:
        print(each, file=sys.stderr)
    print(
        "This breaks whoever relies on contracts/released. Let the old stand beside the new: a new path, an optional\n"
        "member, a new version of the event's type. An interface may break by: python -m contracts.release --major",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
