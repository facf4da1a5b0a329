"""Writes without pause, beside the stories: releases to the same citizens over and over, and withdrawals raced."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import httpx2

from shared.errors import Unavailable
from tests.faults.kills.ledger import Ledger
from tests.faults.race.citizens import Citizen, Town
from tests.faults.race.hands import Hands
from tests.faults.race.racing import Pace, Race, race

_PAUSE = 0.1  # after a refusal: whoever cannot be served now is asked again soon
_CITIZENS = 200
_PACE = Pace(withdraw_within=0.5, pause=0.05)


@dataclass
class Load:
    """What asks, and what it got."""

    hands: Hands
    town: Town
    ledger: Ledger
    rng: Random
    rate: float = 0.0
    """Releases a second that all clients ask for together; 0: as many as they can. May be changed meanwhile."""
    runs: list[Race] = field(default_factory=list[Race])
    acknowledged: int = 0
    refused: dict[str, int] = field(default_factory=dict[str, int])
    interrupted: list[str] = field(default_factory=list[str])
    """Races that a fault has ended before their end: they prove nothing."""

    async def release(self, over: asyncio.Event, *, clients: int) -> None:
        """Have so many clients release one after the other until it is over, as fast as they can or at the `rate`."""
        citizens = await self._citizens(_CITIZENS)
        await asyncio.gather(*(self._ask(citizens, client, clients, over) for client in range(clients)))

    async def _ask(self, citizens: Sequence[Citizen], client: int, clients: int, over: asyncio.Event) -> None:
        rng, loop = Random(self.rng.getrandbits(64)), asyncio.get_running_loop()  # noqa: S311 - repeatable
        due = loop.time()
        while not over.is_set():
            await asyncio.sleep(max(0.0, due - loop.time()))
            interval = clients / self.rate * rng.uniform(0.5, 1.5) if self.rate else 0.0
            due = max(due, loop.time()) + interval  # what an outage has held up is not asked for afterwards
            answer = await self.hands.release(rng.choice(citizens), client)
            if answer.release:
                self.acknowledged += 1
                self.ledger.promise("reuse.released.v1", str(answer.release.release_id))
            else:
                self.refused[answer.code] = self.refused.get(answer.code, 0) + 1
                await asyncio.sleep(_PAUSE)

    async def race(self, over: asyncio.Event, *, at_once: int) -> None:
        """Race so many withdrawals after so many until it is over."""
        while at_once and not over.is_set():
            await asyncio.gather(*map(self._race, await self._citizens(at_once)))

    async def _citizens(self, count: int) -> list[Citizen]:
        """Return so many new ones, however often their birth is disturbed; grants of those half born are nobody's."""
        while True:
            try:
                return await self.town.citizens(count, "keeping", "release")
            except (Unavailable, TimeoutError):
                await asyncio.sleep(1)

    async def _race(self, citizen: Citizen) -> None:
        rng = Random(self.rng.getrandbits(64))  # noqa: S311 - repeatable
        try:
            self.runs.append(await race(self.hands, citizen, rng, _PACE))
        except (httpx2.HTTPError, AssertionError) as fault:
            self.interrupted.append(type(fault).__name__)
