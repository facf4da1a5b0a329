"""Says in one line each what is wrong with a compose stack or the machine under it, and how to mend it."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta

from infra.compose.facts import Facts

OLDEST_ENGINE, OLDEST_COMPOSE = (20, 10), (2, 30)
LEAST_MEMORY = 4 << 30
CLOCKS_APART = timedelta(seconds=0.5)  # more than that between two databases, and reuse releases nothing


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong; `stops` is whether nothing can be started before it is mended."""

    what: str
    mend: str
    stops: bool = True


def examine(facts: Facts) -> list[Finding]:
    """Return what is wrong, the first to be mended first."""
    if not facts.docker:
        return [Finding("Docker is not installed.", "Install Docker Engine 20.10 or newer; `make demo` needs none.")]
    if facts.engine is None:
        return [Finding("Docker does not answer.", "Start it (systemctl start docker), or set DOCKER_HOST.")]
    return [*_versions(facts), *_port(facts), *_clock(facts), *_memory(facts), *_volumes(facts), *_containers(facts)]


def _versions(facts: Facts) -> Generator[Finding]:
    if facts.compose is None:
        yield Finding("Docker has no compose plug-in.", "Install docker-compose-plugin, 2.30 or newer.")
    elif _version(facts.compose) < OLDEST_COMPOSE:
        yield Finding(f"Docker Compose {facts.compose} is too old.", "Install docker-compose-plugin, 2.30 or newer.")
    if _version(facts.engine or "") < OLDEST_ENGINE:
        yield Finding(f"Docker {facts.engine} is too old.", "Install Docker Engine 20.10 or newer.")


def _port(facts: Facts) -> Generator[Finding]:
    port = facts.project.edge_port
    if facts.port_taken:
        yield Finding(
            f"Port {port} is taken by another program.", f"End that, or choose: make up EDGE_PORT={port + 10}."
        )


def _clock(facts: Facts) -> Generator[Finding]:
    if facts.clocks_apart > CLOCKS_APART:
        seconds = round(facts.clocks_apart.total_seconds())
        what = f"Docker's clock and this machine's are {seconds} s apart."
        yield Finding(what, "Set both by NTP; restart Docker's virtual machine if it has one.")


def _memory(facts: Facts) -> Generator[Finding]:
    if facts.engine_memory < LEAST_MEMORY:
        yield Finding(f"Docker may use {_gib(facts.engine_memory)} of memory.", "Give it 4 GiB or more.", stops=False)
    elif facts.memory_available < LEAST_MEMORY and not facts.containers:
        what = f"Only {_gib(facts.memory_available)} of memory are free."
        yield Finding(what, "Close something: the stack may use 4 GiB.", stops=False)


def _volumes(facts: Facts) -> Generator[Finding]:
    wipe = "make down WIPE=1 (its data go)."
    if facts.volumes & {"postgres", "kafka-1"} and "secrets-vault" not in facts.volumes:
        yield Finding("There are data of an earlier stack, but not its keys: they cannot be read.", wipe)
    wanted = facts.project.brokers
    if "kafka-2" in facts.volumes and wanted == 1:
        yield Finding("The data are of a stack of three brokers.", "make up BROKERS=3, or " + wipe)
    elif wanted > 1 and "kafka-1" in facts.volumes and "kafka-2" not in facts.volumes:
        yield Finding("The data are of a stack of one broker.", "make up without BROKERS, or " + wipe)


def _containers(facts: Facts) -> Generator[Finding]:
    for one in facts.containers:
        see = f"make logs OF={one.service}"
        if one.state == "exited" and one.exit_code:
            yield Finding(f"{one.service} ended with {one.exit_code}.", see, stops=False)
        elif one.state == "restarting" or one.health == "unhealthy":
            yield Finding(f"{one.service} is {one.health or one.state}.", see, stops=False)


def _version(text: str) -> tuple[int, ...]:
    """Read the first two numbers; what has none was built by somebody who knows, and is newest."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (1 << 30,)


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
