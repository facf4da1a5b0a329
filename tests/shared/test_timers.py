"""A sweeper goes on, and says an outage is one."""

import asyncio
import json

import pytest

from shared import timers
from shared.db import DatabaseUnavailable


@pytest.mark.parametrize(
    ("failure", "told"),
    [(ValueError(), "timer_failed"), (DatabaseUnavailable(), "timer_postponed")],
    ids=["bug", "outage"],
)
async def test_a_failure_does_not_end_a_timer(
    failure: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[int] = []
    thrice = asyncio.Event()

    async def work() -> None:
        runs.append(1)
        if len(runs) == 3:
            thrice.set()
        raise failure

    task = asyncio.create_task(timers.every(0.001, work, "sweeper"))
    async with asyncio.timeout(5):
        await thrice.wait()
    assert not task.done()
    task.cancel()
    assert json.loads(capsys.readouterr().out.splitlines()[0])["event"] == told
