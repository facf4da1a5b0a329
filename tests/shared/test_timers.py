"""A sweeper goes on."""

import asyncio

from shared import timers


async def test_a_failure_does_not_end_a_timer() -> None:
    runs: list[int] = []
    thrice = asyncio.Event()

    async def work() -> None:
        runs.append(1)
        if len(runs) == 3:
            thrice.set()
        raise ValueError

    task = asyncio.create_task(timers.every(0.001, work, "sweeper"))
    async with asyncio.timeout(5):
        await thrice.wait()
    assert not task.done()
    task.cancel()
