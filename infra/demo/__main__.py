"""`make demo`: starts everything empty, plays the story, stops everything; exits non-zero if anything differs."""

import asyncio
import shutil
import sys
import time

from rich.console import Console

from infra.client.gateway import Refused
from infra.client.oauth import LoginFailed
from infra.demo.acts import ACTS, Memory
from infra.demo.cast import cast_of
from infra.demo.telling import Story
from infra.embedded.environment import ROOT, Ports
from infra.embedded.gateway import DidNotStart
from infra.embedded.laptop import laptop
from infra.embedded.processes import StackError, free_ports
from infra.embedded.waiting import waiting

DATA = ROOT / ".run-demo"


def main() -> int:
    """Play; 0 if everything was as it had to be."""
    console = Console(file=sys.__stdout__)  # sys.stdout is where the services log
    shutil.rmtree(DATA, ignore_errors=True)
    try:
        code = asyncio.run(_play(console))
    except (StackError, DidNotStart) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except (Refused, LoginFailed, LookupError) as error:
        console.print_exception()
        console.print(f"The story broke off there: {error}", style="red", markup=False)
        code = 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        code = 130
    if code == 1:
        console.print(f"What the services logged is in {DATA.name}/services.log, until the next `make demo`.")
    else:
        shutil.rmtree(DATA, ignore_errors=True)
    return code


async def _play(console: Console) -> int:
    story, memory, begun = Story(console), Memory(), time.monotonic()
    with waiting(console, "Starting PostgreSQL, Kafka, the services and the simulators, all empty …"):
        running = laptop(DATA, Ports(*free_ports(len(Ports.__dataclass_fields__))))
        stage = await running.__aenter__()
    story.say(f"Everything is up after {time.monotonic() - begun:.1f} seconds.")
    try:
        async with cast_of(stage) as cast_:
            for act in ACTS:
                await act(story, cast_, memory)
    finally:
        await running.__aexit__(None, None, None)
    return story.close()


if __name__ == "__main__":
    sys.exit(main())
