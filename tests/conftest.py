"""Gives every test that asks for it one real PostgreSQL and one real Kafka, started once a session."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from infra.embedded.processes import free_ports
from infra.embedded.stack import Stack
from tests.teeth import borrowed

# No test is timed, and a run that failed can be had again: each draws the same examples as the last one.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("same"), max_examples=5000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
async def stack() -> AsyncGenerator[Stack]:
    """Run the embedded stack, empty, on free ports, in a directory that goes at the end. For tests marked `stack`.

    Where `MOTLAN_STACK` names the directory of one that runs already, use that.
    """
    if directory := os.environ.get(borrowed.VARIABLE):
        yield await borrowed.borrow(Path(directory))
        return
    postgres, kafka, controller = free_ports(3)
    with TemporaryDirectory(prefix="motlan-") as directory:
        async with Stack(
            Path(directory), postgres_port=postgres, kafka_port=kafka, kafka_controller_port=controller
        ) as running:
            yield running
