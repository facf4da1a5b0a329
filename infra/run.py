"""`make run`: everything on this machine, data kept between runs, until Ctrl-C."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.embedded.environment import ROOT, Ports
from infra.embedded.gateway import DidNotStart
from infra.embedded.laptop import laptop
from infra.embedded.processes import StackError
from infra.embedded.waiting import waiting
from infra.simulators.personas import load_personas
from shared import log

DATA = ROOT / ".run"


def main() -> int:
    """Run until told to stop; 0 if that went well, 1 with a sentence if it could not start."""
    console = Console(file=sys.__stdout__)  # sys.stdout is where the services log
    try:
        with log.speaking_for_libraries():
            asyncio.run(_run(console, DATA, split=os.environ.get("SPLIT") == "1"))
    except (StackError, DidNotStart) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    return 0


async def _run(console: Console, data: Path, *, split: bool) -> None:
    stop, ports = asyncio.Event(), Ports()
    running = laptop(data, ports, split=split)
    _on_signal(asyncio.current_task().cancel)  # pyright: ignore[reportOptionalMemberAccess] - we are one
    try:
        with waiting(console, "Starting PostgreSQL, Kafka, the services and the simulators …"):
            await running.__aenter__()
    except asyncio.CancelledError:
        console.print("Stopped.")
        return
    _on_signal(stop.set)
    try:
        _tell(console, data, ports)
        await stop.wait()
    finally:
        console.print("\nStopping …")
        await running.__aexit__(None, None, None)


def _on_signal(react: Callable[[], object]) -> None:
    """Do this, and no longer what was said before, when we are asked to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, react)


def _tell(console: Console, data: Path, ports: Ports) -> None:
    """Print where everything is, who can log in, and what to try next."""
    console.print("Một Lần is running\n", style="italic")
    for url, what in _places(ports, data):
        console.print(f"  {what}")
        console.print(f"    {url}", soft_wrap=True)  # an address that is cut or broken cannot be followed
    console.print()
    people = Table("Persona", "Who", title="People who can log in at VNeID (all invented)", title_justify="left")
    for name, persona in load_personas().items():
        if persona.account:
            people.add_row(name, persona.label.en)
    console.print(people)
    console.print(
        f"Next: open {ports.simulators_origin}/city in a browser and press the login button, or, in another terminal,\n"
        "  .venv/bin/python -m infra.client --help\n"
        "Ctrl-C stops everything; the data stay in .run until `make clean`."
    )


def _places(ports: Ports, data: Path) -> list[tuple[str, str]]:
    return [
        (f"{ports.simulators_origin}/city", "a city system: walk the online path as a citizen"),
        (f"{ports.origin}/consent/me", "who used my data: the citizen's own page"),
        (f"{ports.origin}/.well-known/oauth-authorization-server/identity", "metadata of the authorization server"),
        (f"{ports.origin}/audit/checkpoint", "the log's newest signed checkpoint (once something has happened)"),
        (f"{ports.simulators_origin}/vneid", "VNeID, simulated"),
        (f"{ports.simulators_origin}/registries/journal", "what the registries were asked"),
        (str(data.relative_to(ROOT) / "keys" / "auditor-keys.json"), "the keys an auditor verifies with"),
    ]


if __name__ == "__main__":
    sys.exit(main())
