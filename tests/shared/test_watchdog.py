"""A process whose event loop stands still ends, and says where it stood; one that was stopped as a whole lives."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from infra.embedded.stack import Stack
from shared.watchdog import EXIT_CODE
from tests.shared import served
from tests.shared.composing import make_service_settings

pytestmark = pytest.mark.stack


async def test_a_service_whose_loop_is_blocked_ends_with_the_stack_of_where_it_stands(
    stack: Stack, tmp_path: Path
) -> None:
    process = await blocked(stack, tmp_path, seconds=60)
    said, _ = await process.communicate()
    assert process.returncode == EXIT_CODE
    assert b'"event":"event_loop_stuck"' in said
    assert b"served.py" in said


async def test_a_service_that_is_blocked_for_less_goes_on(stack: Stack, tmp_path: Path) -> None:
    process = await blocked(stack, tmp_path, seconds=0.3)
    assert b"event_loop_stuck" not in (await process.communicate())[0]
    assert process.returncode == 0


async def test_a_service_that_was_frozen_for_longer_than_that_goes_on(stack: Stack, tmp_path: Path) -> None:
    process = await blocked(stack, tmp_path, seconds=0.3)
    os.kill(process.pid, signal.SIGSTOP)
    await asyncio.sleep(2)  # twice the bound; no condition can be waited for, it does nothing
    os.kill(process.pid, signal.SIGCONT)
    await process.communicate()
    assert process.returncode == 0


async def blocked(stack: Stack, folder: Path, *, seconds: float) -> Process:
    """Start a service that blocks its loop for so long, and return once it does."""
    process = await served.begin(await make_service_settings(stack, folder), str(seconds))
    await served.until_said(process, b"blocked\n")
    return process
