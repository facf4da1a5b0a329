"""`make demo`: starts everything empty, plays the story, stops everything; exits non-zero if anything differs."""

import asyncio
import shutil
import sys

from rich.console import Console

from infra.demo.acts import ACTS, Memory
from infra.demo.cast import cast_of
from infra.demo.telling import Story
from infra.embedded.environment import ROOT, Ports
from infra.embedded.laptop import laptop
from infra.embedded.processes import StackError, free_ports

DATA = ROOT / ".run-demo"


def main() -> int:
    """Play; 0 if everything was as it had to be."""
    console = Console(file=sys.__stdout__)  # sys.stdout is where the services log
    shutil.rmtree(DATA, ignore_errors=True)
    try:
        return asyncio.run(_play(console))
    except StackError as error:
        console.print(f"[red]{error}[/red]")
        return 1
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


async def _play(console: Console) -> int:
    story, memory = Story(console), Memory()
    with console.status("Starting PostgreSQL, Kafka, the services and the simulators, all empty …"):
        running = laptop(DATA, Ports(*free_ports(len(Ports.__dataclass_fields__))))
        stage = await running.__aenter__()
    try:
        async with cast_of(stage) as cast_:
            for act in ACTS:
                await act(story, cast_, memory)
    finally:
        await running.__aexit__(None, None, None)
    return story.close()


if __name__ == "__main__":
    sys.exit(main())
