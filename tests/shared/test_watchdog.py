"""A process whose event loop stands still ends, and says where it stood; one that was stopped as a whole lives."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from infra.embedded.stack import Stack
from shared.watchdog import EXIT_CODE
from tests.shared.composing import make_service_settings

pytestmark = pytest.mark.stack


async def test_a_service_whose_loop_is_blocked_ends_with_the_stack_of_where_it_stands(
    stack: Stack, tmp_path: Path
) -> None:
    blocked = await begin(stack, tmp_path, seconds=60)
    said, _ = await blocked.communicate()
    assert blocked.returncode == EXIT_CODE
    assert b'"event":"event_loop_stuck"' in said
    assert b"blocked.py" in said


async def test_a_service_that_is_blocked_for_less_goes_on(stack: Stack, tmp_path: Path) -> None:
    blocked = await begin(stack, tmp_path, seconds=0.3)
    assert b"event_loop_stuck" not in (await blocked.communicate())[0]
    assert blocked.returncode == 0


async def test_a_service_that_was_frozen_for_longer_than_that_goes_on(stack: Stack, tmp_path: Path) -> None:
    blocked = await begin(stack, tmp_path, seconds=0.3)
    os.kill(blocked.pid, signal.SIGSTOP)
    await asyncio.sleep(2)  # twice the bound; no condition can be waited for, it does nothing
    os.kill(blocked.pid, signal.SIGCONT)
    await blocked.communicate()
    assert blocked.returncode == 0


async def begin(stack: Stack, folder: Path, *, seconds: float) -> asyncio.subprocess.Process:
    """Start a service that blocks its loop for so long, and return once it does."""
    settings = await make_service_settings(stack, folder)
    told = {f"{settings.service.upper()}_{key.upper()}": str(value) for key, value in values(settings.model_dump())}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.blocked", settings.service, str(seconds),
        env={**os.environ, **told}, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[bytes] = []
    while not said or said[-1] != b"blocked\n":
        said.append(await process.stdout.readline())
        assert said[-1], b"".join(said)
    return process


def values(settings: dict[str, object]) -> list[tuple[str, object]]:
    """Return what is set."""
    return [(key, value) for key, value in settings.items() if value is not None]
