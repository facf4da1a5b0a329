"""`python -m infra.compose up | down | logs | doctor`: the stack of containers, for whoever sits before it."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from rich.console import Console

from infra.compose.doctor import Finding, examine
from infra.compose.facts import gather
from infra.compose.project import CommandFailed, Project, project_of
from infra.compose.telling import KEYS, tell


def main(arguments: Sequence[str]) -> int:
    """Do it to the stack that the environment names (EDGE_PORT, BROKERS, REPLICAS, PROFILES); 0 if it went well."""
    parser = argparse.ArgumentParser(prog="python -m infra.compose", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    commands.add_parser("up", help="start everything, and wait until it is healthy")
    commands.add_parser("down", help="stop it").add_argument("--wipe", action="store_true", help="its data too")
    commands.add_parser("logs", help="follow what it logs").add_argument("of", nargs="*", help="only these services")
    commands.add_parser("doctor", help="say what is wrong, and how to mend it")
    told, console, project = parser.parse_args(arguments), Console(), project_of(os.environ)
    try:
        match told.command:
            case "up":
                return up(console, project)
            case "down":
                return down(project, wipe=told.wipe)
            case "logs":
                return logs(project, told.of)
            case _:
                return doctor(console, project)
    except CommandFailed as error:
        console.print(str(error), style="red", markup=False)
        return 1


def up(console: Console, project: Project) -> int:
    """Start everything; if it does not become healthy, say which part and how to look at it."""
    if stopping := [each for each in examine(gather(project)) if each.stops]:
        _say(console, stopping)
        return 1
    try:
        project.start()
    except CommandFailed as error:
        console.print(str(error), style="red", markup=False)
        _say(console, examine(gather(project)))
        return 1
    project.copy_out("people/.", KEYS)
    tell(console, project)
    return 0


def down(project: Project, *, wipe: bool) -> int:
    """Stop everything; its data stay unless wiped."""
    project.run("--profile", "*", "down", "--remove-orphans", *(["--volumes"] if wipe else []))
    return 0


def logs(project: Project, of: Sequence[str]) -> int:
    """Show what was logged last, and what follows, until Ctrl-C."""
    with suppress(KeyboardInterrupt):
        project.run("logs", "--follow", "--tail", "50", *of)
    return 0


def doctor(console: Console, project: Project) -> int:
    """Say what is wrong; 0 when nothing is."""
    found = examine(gather(project))
    _say(console, found)
    if not found:
        console.print("Nothing is wrong.")
    return 1 if found else 0


def _say(console: Console, found: list[Finding]) -> None:
    for each in found:
        console.print(f"{each.what} {each.mend}", style="red" if each.stops else "yellow", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
