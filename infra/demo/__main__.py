"""`make demo`: starts everything empty, plays the story, stops everything; exits non-zero if anything differs."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Awaitable, Callable

import httpx2
from rich.console import Console

from infra.client.gateway import Refused
from infra.client.oauth import LoginFailed
from infra.compose.project import CommandFailed, project_of
from infra.demo.acts import ACTS, Memory
from infra.demo.cast import Cast, cast_of, cast_on
from infra.demo.on_compose import stack_of_its_own, stage_on
from infra.demo.stage import Stage
from infra.demo.telling import Story
from infra.embedded.environment import ROOT, Ports
from infra.embedded.gateway import DidNotStart
from infra.embedded.laptop import laptop
from infra.embedded.processes import StackError, free_ports
from infra.embedded.waiting import waiting

DATA = ROOT / ".run-demo"


def main() -> int:
    """Play where STACK says; 0 if everything was as it had to be."""
    console = Console(file=sys.__stdout__)  # sys.stdout is where the services log
    try:
        return _STACKS[os.environ.get("STACK") or "laptop"](console)
    except KeyError:
        console.print(f"STACK is one of: {', '.join(_STACKS)}", style="red", markup=False)
    except (StackError, DidNotStart, CommandFailed) as error:
        console.print(str(error), style="red", markup=False)
    return 1


def on_laptop(console: Console) -> int:
    """Play on this machine's own processes."""
    shutil.rmtree(DATA, ignore_errors=True)
    code = _tell(console, lambda: _play(console))
    if code == 1:
        console.print(f"What the services logged is in {DATA.name}/services.log, until the next `make demo`.")
    else:
        shutil.rmtree(DATA, ignore_errors=True)
    return code


def on_compose(console: Console) -> int:
    """Play on containers brought up for it."""
    with stack_of_its_own() as stage:
        return _tell(console, lambda: _play_on(console, stage))


def on_what_is_up(console: Console) -> int:
    """Play on the stack of `make up`, which nobody has used yet."""
    with stage_on(project_of(os.environ)) as stage:
        return _tell(console, lambda: _play_on(console, stage))


_STACKS = {"laptop": on_laptop, "compose": on_compose, "up": on_what_is_up}


def _tell(console: Console, play: Callable[[], Awaitable[int]]) -> int:
    """Play, and say where the story broke off if it did."""
    try:
        return asyncio.run(_awaited(play))
    except (Refused, LoginFailed, LookupError, httpx2.TransportError) as error:
        console.print_exception()
        console.print(f"The story broke off there: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130


async def _awaited(play: Callable[[], Awaitable[int]]) -> int:
    return await play()


async def _play(console: Console) -> int:
    story, begun = Story(console), time.monotonic()
    with waiting(console, "Starting PostgreSQL, Kafka, the services and the simulators, all empty …"):
        running = laptop(DATA, Ports(*free_ports(len(Ports.__dataclass_fields__))))
        stage = await running.__aenter__()
    story.say(f"Everything is up after {time.monotonic() - begun:.1f} seconds.")
    try:
        async with cast_of(stage) as cast_:
            return await _acts(story, cast_)
    finally:
        await running.__aexit__(None, None, None)


async def _play_on(console: Console, stage: Stage) -> int:
    async with cast_on(stage) as cast_:
        return await _acts(Story(console), cast_)


async def _acts(story: Story, cast_: Cast) -> int:
    memory = Memory()
    for act in ACTS:
        await act(story, cast_, memory)
    return story.close()


if __name__ == "__main__":
    sys.exit(main())
