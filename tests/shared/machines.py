"""Plays hypothesis' state machines whose rules await: the machine in a thread, coroutines on the loop of the tests."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

T = TypeVar("T")

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""In a long run machines play other games each time, and many more."""


class Machine(RuleBasedStateMachine):
    """A machine whose rules may wait for coroutines."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._loop = loop

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the pools of connections live, and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


async def play(make: Callable[[asyncio.AbstractEventLoop], Machine], *, games: int, steps: int = 25) -> None:
    """Play so many games of so many steps at most; a failure prints its game (a long run: the shortest)."""
    loop = asyncio.get_running_loop()
    told = settings(
        max_examples=games * 10 if LONG else games,
        stateful_step_count=steps * 2 if LONG else steps,
        phases=[Phase.generate, Phase.shrink] if LONG else [Phase.generate],  # shrinking takes minutes
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )

    def run() -> None:
        run_state_machine_as_test(cast(Any, lambda: make(loop)), settings=told)

    await asyncio.to_thread(run)
