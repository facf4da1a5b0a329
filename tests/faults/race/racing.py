"""One race, and many at once: clients ask for releases without pause while the citizen withdraws."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from shared import clock
from tests.faults.race.citizens import Citizen
from tests.faults.race.hands import Answer, Hands
from tests.faults.race.signed import Receipt, Release

LEASE_SECONDS = 3.0


@dataclass(frozen=True)
class Pace:
    """How a race is run. By default as fast as the machine goes, to the first refusal for good."""

    withdraw_within: float = 0.04
    """The citizen's moment is drawn from so many seconds after the first answer."""
    pause: float = 0.0
    """Between one client's tries."""
    past_the_moment: float = 0.05
    """So long after `effective_by` a client tries once more, whatever was answered before,"""
    late_tries: float = 1.0
    """in this share of the races."""


@dataclass
class Race:
    """What came of one race, in the clients' hands."""

    citizen: Citizen
    releases: list[Release] = field(default_factory=list[Release])
    refusals: Counter[str] = field(default_factory=Counter[str])
    receipt: Receipt | None = None
    late: str = ""
    """What the last try, after `effective_by`, was answered."""

    def note(self, answer: Answer) -> None:
        """Keep what a client got."""
        if answer.release:
            self.releases.append(answer.release)
        else:
            self.refusals[answer.code] += 1


async def race(hands: Hands, citizen: Citizen, rng: Random, pace: Pace) -> Race:
    """Run one race until a client was refused for good, or long enough past the withdrawal's answer."""
    run, clients, moment = Race(citizen), rng.randint(2, 4), rng.uniform(0, pace.withdraw_within)
    signs = _Signs()
    asking = [asyncio.create_task(_ask(hands, run, client, signs, pace)) for client in range(clients)]
    try:
        await signs.begun.wait()
        await asyncio.sleep(moment)
        location = await hands.withdraw(citizen)
        signs.told.set()
        if location:
            run.receipt = await hands.receipt(citizen, location)
        await asyncio.gather(*asking)
    finally:  # whoever asks on after a race that broke off would ask for ever
        for each in asking:
            each.cancel()
    return run


@dataclass(frozen=True)
class _Signs:
    """What the racers of one race see of each other."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def _ask(hands: Hands, run: Race, client: int, signs: _Signs, pace: Pace) -> None:
    """Ask until somebody is refused for good; a refusal of another kind ends it only past the moment."""
    give_up = float("inf")
    while not signs.over.is_set():
        answer = await hands.release(run.citizen, client)
        run.note(answer)
        signs.begun.set()
        now = asyncio.get_running_loop().time()
        if signs.told.is_set() and give_up == float("inf"):
            give_up = now + LEASE_SECONDS + 0.5
        if answer.is_final or now > give_up:
            signs.over.set()
        await asyncio.sleep(pace.pause)


async def _late_try(hands: Hands, run: Race, pace: Pace) -> None:
    """Ask once more when the moment that the receipt names has passed, whatever was answered before."""
    if run.receipt is None:
        return
    wait = run.receipt.effective_by - clock.now() + timedelta(seconds=pace.past_the_moment)
    await asyncio.sleep(max(0.0, wait.total_seconds()))
    answer = await hands.release(run.citizen)
    run.note(answer)
    run.late = answer.code or "released"


class Races:
    """Many races, so many under way at once; one that only waits for its moment to pass is not counted as such."""

    def __init__(self, hands: Hands, rng: Random, pace: Pace, *, at_once: int, group: asyncio.TaskGroup) -> None:
        self._hands, self._rng, self._pace = hands, rng, pace
        self._turns, self._group = asyncio.Semaphore(at_once), group
        self._started: list[asyncio.Task[Race]] = []

    async def start(self, citizens: Sequence[Citizen]) -> None:
        """Begin a race about each, in turn; returns when the last has begun."""
        for citizen in citizens:
            await self._turns.acquire()
            self._started.append(self._group.create_task(self._one(citizen, self._rng.getrandbits(64))))

    def runs(self) -> list[Race]:
        """Return what came of them, once their group is over."""
        return [task.result() for task in self._started]

    async def _one(self, citizen: Citizen, seed: int) -> Race:
        try:
            run = await race(self._hands, citizen, Random(seed), self._pace)  # noqa: S311 - it has to be repeatable
        finally:
            self._turns.release()
        if Random(~seed).random() < self._pace.late_tries:  # noqa: S311 - as above
            await _late_try(self._hands, run, self._pace)
        return run


async def races(hands: Hands, citizens: Sequence[Citizen], rng: Random, pace: Pace, *, at_once: int) -> list[Race]:
    """Race about all these citizens, and return what came of it."""
    async with asyncio.TaskGroup() as group:
        many = Races(hands, rng, pace, at_once=at_once, group=group)
        await many.start(citizens)
    return many.runs()
