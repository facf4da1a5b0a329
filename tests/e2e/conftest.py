"""The whole system, once a session, on free ports and an empty directory; tests act on it over HTTP like anybody.

A second one has sources that fail, under each seed of `FAULTS_SEEDS`, and everything that it writes can be looked at.
"""

import io
import logging
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rich.console import Console

from infra.demo.acts import ACTS, Memory
from infra.demo.cast import Cast, cast_of
from infra.demo.telling import Story
from infra.embedded.environment import Ports
from infra.embedded.gateway import serving
from infra.embedded.laptop import Laptop, laptop
from infra.embedded.processes import free_ports
from infra.observability.collector import Collector
from tests.e2e.watching import WatchedCast, watched

SEEDS = os.environ.get("FAULTS_SEEDS", "33").split(",")


@pytest.fixture(scope="session")
async def system() -> AsyncGenerator[Laptop]:
    """Run PostgreSQL, Kafka, the four services and the simulators."""
    ports = Ports(*free_ports(len(Ports.__dataclass_fields__)))
    with TemporaryDirectory(prefix="motlan-e2e-") as directory:
        async with laptop(Path(directory), ports) as running:
            yield running


@pytest.fixture
async def cast(system: Laptop) -> AsyncGenerator[Cast]:
    """Bring the city's offices and people to it."""
    async with cast_of(system) as on_stage:
        yield on_stage


@dataclass(frozen=True)
class Hostile:
    """A system among sources that fail; `cast` sees every answer."""

    cast: WatchedCast
    collector: Collector


@pytest.fixture(scope="session", params=SEEDS)
async def hostile(request: pytest.FixtureRequest) -> AsyncGenerator[Hostile]:
    """Run everything with simulators that misbehave; what Python itself logs lies beside what the services log."""
    *numbers, collecting = free_ports(len(Ports.__dataclass_fields__) + 1)
    collector = Collector(collecting)
    with TemporaryDirectory(prefix="motlan-hostile-") as directory:
        to_file = logging.FileHandler(Path(directory) / "python.log", encoding="utf-8")
        logging.getLogger().addHandler(to_file)
        running = laptop(
            Path(directory),
            Ports(*numbers),
            faults={"FAULTS": request.param},
            settings={"OTLP_ENDPOINT": collector.address},
        )
        async with serving(collector.config()), running as system, cast_of(system) as cast_:
            yield Hostile(watched(cast_), collector)
        logging.getLogger().removeHandler(to_file)
        to_file.close()


@dataclass(frozen=True)
class Played:
    """What was told of the story, and what of it differed from what had to come."""

    differences: list[str]
    told: str


@pytest.fixture(scope="session")
async def played(hostile: Hostile) -> Played:
    """Play the whole story once among sources that fail."""
    told = io.StringIO()
    story, memory = Story(Console(file=told, width=120)), Memory()
    for act in ACTS:
        await act(story, hostile.cast, memory)
    return Played(story.differences, told.getvalue())
