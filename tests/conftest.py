"""Gives every test that asks for it one real PostgreSQL and one real Kafka, started once a session."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from infra.embedded.processes import free_ports
from infra.embedded.stack import Stack
from tests.teeth import borrowed

settings.register_profile("long", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


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
