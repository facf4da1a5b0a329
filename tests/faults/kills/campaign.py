"""A campaign: stories without pause, deaths without mercy, and at the end everything is let come to rest."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from traceback import extract_tb

from infra.demo.cast import cast_of
from infra.embedded.keyring import SERVICES
from infra.embedded.laptop import Laptop
from infra.embedded.stack import BROKERS
from tests.faults.kills.brokers import BROKER_FAULTS
from tests.faults.kills.clockwork import Time, admin
from tests.faults.kills.executing import Death, die_at, die_now, kafka_dies, make_mortal, postgres_dies
from tests.faults.kills.ledger import Ledger
from tests.faults.kills.persistence import persistent
from tests.faults.kills.points import POINTS
from tests.faults.kills.stories import STORIES, Stage
from tests.faults.processes import System, system

ACTORS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("mother", ("online",)),
    ("shop_owner", ("business",)),
    ("reissued", ("counter",)),
    ("father", ("nowhere", "audit")),
)
"""Who acts side by side: each persona in the stories it plays in turn."""

SERVERS: Mapping[str, Callable[[System], Awaitable[Death]]] = {"kafka": kafka_dies, "postgres": postgres_dies}
READS: Mapping[str, Sequence[str]] = {
    "identity": ("consent", "reuse"), "consent": ("identity", "reuse"), "reuse": ("identity", "consent"),
    "audit": SERVICES,
}  # fmt: skip
"""Reader to sources: who takes in whose events."""
_STIRS_WITHIN = 180.0
_AT_REST_WITHIN = 1800.0
_REACHED_WITHIN = 45.0
_CHECKPOINTS = 4


@dataclass
class Campaign:
    """What was done and what came of it."""

    running: System
    stage: Stage
    deaths: list[Death] = field(default_factory=list[Death])
    missed: list[str] = field(default_factory=list[str])
    """Points that nobody came to in the time given."""
    checkpoints: list[str] = field(default_factory=list[str])
    """Signed notes of the log, as somebody kept them who looked now and then."""
    stories: int = 0
    excused: frozenset[str] = frozenset()
    """What services may log as an error, because what is done to them brings it about."""
    breath: float = 0.0
    """Seconds that an actor rests between two stories."""

    @property
    def ledger(self) -> Ledger:
        """What clients were told."""
        return self.stage.ledger

    async def run(self, kills: Mapping[str, Sequence[str | None]], rng: Random) -> None:
        """Play while these die: each service, or server, at these points in turn (None: at any moment).

        To `brokers` the faults of BROKER_FAULTS are done in turn: one of a cluster at a time.
        """
        async with self.acting():
            async with asyncio.TaskGroup() as executions:
                for whose, points in kills.items():
                    executions.create_task(self._execute(whose, points, Random(rng.getrandbits(64))))  # noqa: S311
            await self._until_kept(_CHECKPOINTS)

    @asynccontextmanager
    async def acting(self) -> AsyncGenerator[None]:
        """Have everybody act while the block lasts, and end the stories they are in."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for persona, stories in ACTORS:
                group.create_task(self._act(persona, stories, over))
            group.create_task(self._keep_checkpoints(over))
            yield
            over.set()

    async def end(self) -> str:
        """Let everything come to rest, and return the log as an auditor carries it away."""
        await self._come_to_rest()
        office = self.stage.cast.inspectorate
        case = f"TTr-{secrets.token_hex(8)}"
        bundle = await office.system.bundle(await office.token("audit"), case_no=case, purpose="inspection")
        await self._come_to_rest()
        return bundle

    async def _act(self, persona: str, stories: tuple[str, ...], over: asyncio.Event) -> None:
        turns = deque(stories)
        while not over.is_set():
            name = turns[0]
            turns.rotate(-1)
            try:
                await STORIES[name](self.stage, persona)
                self.stories += 1
                await _wait_for(over, self.breath)
            except Exception as surprise:  # noqa: BLE001 - whatever it is, the campaign goes on and names it
                asked = " > ".join(frame.name for frame in extract_tb(surprise.__traceback__)[1:])
                self.ledger.surprises.append(f"{name}: {type(surprise).__name__}: {surprise} in {asked}")
                await asyncio.sleep(0.5)

    async def _execute(self, whose: str, points: Sequence[str | None], rng: Random) -> None:
        """Kill at each; where nobody came to in time, once more after all others."""
        again: list[str | None] = []
        for point in points:
            if not await self._kill(whose, point, rng):
                again.append(point)
        for point in again:
            if not await self._kill(whose, point, rng):
                self.missed.append(str(point))

    async def _kill(self, whose: str, point: str | None, rng: Random) -> bool:
        death = await self._one(whose, point, rng)
        if death:
            self.deaths.append(death)
        return death is not None

    async def _one(self, whose: str, point: str | None, rng: Random) -> Death | None:
        if whose == "brokers":
            return await BROKER_FAULTS[str(point)](self.running)
        if point is not None:
            return await die_at(self.running, whose, point, within=_REACHED_WITHIN)
        await asyncio.sleep(rng.uniform(0.5, 4))
        return await (SERVERS[whose](self.running) if whose in SERVERS else die_now(self.running, whose))

    async def _keep_checkpoints(self, over: asyncio.Event) -> None:
        while not over.is_set():
            answer = await self.stage.cast.http.get(f"{self.running.ports.origin}/audit/checkpoint")
            if answer.status_code == 200 and answer.text not in self.checkpoints[-1:]:
                self.checkpoints.append(answer.text)
            await asyncio.sleep(1)

    async def _until_kept(self, checkpoints: int) -> None:
        """Go on until an auditor has some to compare: where `audit` died last there may be few yet."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_STIRS_WITHIN):
                while len(self.checkpoints) < checkpoints:  # noqa: ASYNC110 - its news come by asking
                    await asyncio.sleep(0.5)

    async def _come_to_rest(self) -> None:
        """Wait until every event is in the log and at every reader, and no alarm is raised any more.

        Half an hour at the most, and no longer than three minutes in which nothing changes: a backlog takes its time.
        """
        end, stirs, before = time.monotonic() + _AT_REST_WITHIN, time.monotonic() + _STIRS_WITHIN, [""]
        while unrest := await self._unrest():
            if unrest != before:
                before, stirs = unrest, time.monotonic() + _STIRS_WITHIN
            if time.monotonic() > min(end, stirs):
                self.ledger.surprises.append(f"no rest: {unrest[:10]}")
                return
            await asyncio.sleep(0.5)

    async def _unrest(self) -> list[str]:
        found: list[str] = []
        told: dict[str, int] = {}
        taken: dict[tuple[str, str], int] = {}
        for name in SERVICES:
            async with admin(self.running, name) as connection:
                for what, sql in {**_UNREST, **(_DUE if name == "consent" else {})}.items():
                    found += [f"{name}: {what} {dict(row)}" for row in await connection.fetch(sql)]
                told[name] = await connection.fetchval("SELECT count(*) FROM outbox")
                rows = await connection.fetch("SELECT source, count(*) FROM inbox GROUP BY source")
                taken |= {(name, row[0]): row[1] for row in rows}
        for reader, sources in READS.items():
            behind = {source: told[source] - taken.get((reader, source), 0) for source in sources}
            found += [f"{reader}: {left} of {source} to take in" for source, left in behind.items() if left]
        return found


_UNREST: Mapping[str, str] = {
    "unsealed": "SELECT count(*) FROM outbox WHERE sealed_at IS NULL OR published_at IS NULL HAVING count(*) > 0",
    "alarm": "SELECT kind, key, detail FROM alarm",
    "gap": "SELECT source, partition, have, upto FROM reader_gap",
    "parked": "SELECT source, type, error FROM parked",
    "dead": "SELECT topic, reason FROM dead_letter",
}
_DUE: Mapping[str, str] = {
    "run out": "SELECT grant_id FROM consent_grant WHERE state = 'granted' AND valid_until <= now()",
    "overdue": "SELECT request_id FROM consent_request WHERE state = 'requested' AND lapses_at <= now()",
    "unconfirmed": "SELECT grant_id FROM consent_grant WHERE state = 'withdrawn' AND effective_by IS NULL",
}
"""What consent's timers still have to do."""


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    """Return when it happens, and after so many seconds at the latest."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


@asynccontextmanager
async def campaign_in(data: Path, *, brokers: int = BROKERS) -> AsyncGenerator[Campaign]:
    """Start everything in a directory, its services mortal, with clients who do not give up."""
    async with AsyncExitStack() as opened:
        running = await opened.enter_async_context(system(data, start=(), brokers=brokers))
        for name in SERVICES:
            make_mortal(running, name)
        await running.start("simulators", *SERVICES)
        on_stage = await opened.enter_async_context(cast_of(Laptop(running.ports, running.stack, running.keyring)))
        ledger = Ledger()
        yield Campaign(running, Stage(persistent(on_stage, ledger), ledger, Time(running)))


def points_of(service: str, names: Iterable[str]) -> list[str | None]:
    """Return those of these points that lie in a service."""
    return [name for name in names if POINTS[name].service == service]
