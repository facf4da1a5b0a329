"""`make lab`: an engine, docker compose and the images; then the whole compose file, put through its paces."""

import os
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from infra.compose.project import CommandFailed
from infra.embedded.processes import StackError
from infra.lab import base, machine, standins, story
from infra.lab.commands import aloud, quietly
from infra.lab.engine import engine
from infra.lab.programs import COMPOSE, built


def main(command: list[str]) -> int:
    """Play the story, or, if there is a command, run that on the engine with the images; 0 if all went well."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the engine would outlive us
    console = Console(file=sys.__stdout__)
    try:
        _play(console, command, pulled=os.environ.get("IMAGES") == "real")
    except (StackError, CommandFailed) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return 0


def _play(console: Console, command: list[str], *, pulled: bool) -> None:
    begun = time.monotonic()
    with _step(console, "Debian's Docker, debootstrap and iptables"):
        if names := machine.install():
            console.print(f"Installed {', '.join(names)}, none of it started.")
    with _step(console, "docker compose"):
        compose = built(COMPOSE)
    with engine(compose, "real" if pulled else "stand-ins"):
        if not pulled:
            _stand_ins(console)
        quietly("docker", "image", "prune", "--force")  # what earlier builds of ours left
        if command:
            aloud(*command)
        else:
            story.play(console)
            console.print(
                f"The lab took {(time.monotonic() - begun) / 60:.1f} minutes; its images: {_which(pulled=pulled)}."
            )


def _which(*, pulled: bool) -> str:
    return "the real ones, pulled" if pulled else "stand-ins, which prove the wiring, not the images"


def _stand_ins(console: Console) -> None:
    pip = (Path(sys.executable), "-m", "pip")
    with _step(console, "a Debian base image"):
        base.build(machine.sources(pip))
    for image in standins.STAND_INS:
        with _step(console, f"a stand-in for {image}"):
            standins.build(image)


@contextmanager
def _step(console: Console, what: str) -> Generator[None]:
    begun = time.monotonic()
    with console.status(f"Preparing {what} …"):
        yield
    console.print(f"Prepared {what}: {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
