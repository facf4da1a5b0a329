"""Tests of a compose stack that runs: collected only where `EDGE_CA` names its authority, as `make lab` does."""

import os
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Browser

from tests.lab.browser import chromium
from tests.lab.visiting import Visitor, visitor

collect_ignore_glob = [] if "EDGE_CA" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def her(browser: Browser) -> AsyncGenerator[Visitor]:
    async with visitor(browser) as one:
        yield one
