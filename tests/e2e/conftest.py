"""The whole system, once a session, on free ports and an empty directory; tests act on it over HTTP like anybody."""

from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.demo.cast import Cast, cast_of
from infra.embedded.environment import Ports
from infra.embedded.laptop import Laptop, laptop
from infra.embedded.processes import free_ports


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
