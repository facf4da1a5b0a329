"""A proof: everybody acts and asks while the nemesis strikes; then all comes to rest, and is judged."""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from infra.demo.cast import cast_of
from infra.embedded.environment import ROOT
from infra.embedded.laptop import Laptop
from shared.db import Database
from tests.faults.kills.campaign import Campaign
from tests.faults.kills.checking import gather, judge
from tests.faults.kills.clockwork import Time, admin
from tests.faults.kills.ledger import Ledger
from tests.faults.kills.logs import NO_JSON
from tests.faults.kills.persistence import persistent
from tests.faults.kills.stories import Stage
from tests.faults.prove.cluster import Cluster, cluster_in
from tests.faults.prove.load import Load
from tests.faults.prove.memory import Memory
from tests.faults.prove.nemesis import Nemesis
from tests.faults.race import checking as race
from tests.faults.race.citizens import Town
from tests.faults.race.hands import hands
from tests.faults.race.log import read_log

_EXCUSED = frozenset({"callee_does_not_know_us"})  # of a process whose clock is wrong: its assertions are too old


@dataclass(frozen=True)
class Plan:
    """How long it goes on: until all of this is reached."""

    faults: int
    writes: int
    minutes: float = 0.0
    brokers_away: float = 0.0
    """Seconds for which, before anything else, there is no broker at all."""
    at_once: int = 2
    """Faults under way at a time."""
    pause: float = 1.5
    """Seconds, at the most, between two of them by one hand."""
    clients: int = 6
    """Clients that release: without pause, or as the rate allows."""
    rate: float = 0.0
    """Releases a second that all of them ask for together."""
    races: int = 4
    """Withdrawals raced at a time, or none."""
    breath: float = 0.0
    """Seconds that an actor of the stories rests between two of them."""
    burst: float = 0.0
    """Minutes, first of all, without rate and rest: connections are open and caches filled when memory is judged."""


@dataclass
class Proof:
    """What runs, what was done to it, and what came of it."""

    cluster: Cluster
    campaign: Campaign
    load: Load
    nemesis: Nemesis
    memory: Memory = field(default_factory=Memory)
    written_without_brokers: int = 0

    @property
    def acknowledged(self) -> int:
        """How many writes clients were told are done."""
        return self.campaign.ledger.acknowledged + sum(len(run.releases) + bool(run.receipt) for run in self.load.runs)

    async def run(self, plan: Plan) -> None:
        """Act until the plan is fulfilled."""
        over, until = asyncio.Event(), time.monotonic() + 60 * (plan.burst + plan.minutes)
        watching = asyncio.create_task(self.memory.watch(self.cluster.instances))
        async with self.campaign.acting(), asyncio.TaskGroup() as group:
            group.create_task(self.load.release(over, clients=plan.clients))
            group.create_task(self.load.race(over, at_once=plan.races))
            while not self.load.acknowledged:  # noqa: ASYNC110 - others' doing; no fault before clients write
                await asyncio.sleep(1)
            if plan.burst:
                await asyncio.sleep(60 * plan.burst)
                self.memory.settle()
            self.campaign.breath, self.load.rate = plan.breath, plan.rate
            if plan.brokers_away:
                await self._without_brokers(plan.brokers_away)
            async with asyncio.TaskGroup() as striking:
                for _ in range(plan.at_once):
                    striking.create_task(self._strike(plan.faults, plan.pause))
            while self.acknowledged < plan.writes or time.monotonic() < until:  # noqa: ASYNC110 - others' doing
                await asyncio.sleep(1)
            over.set()
        watching.cancel()

    async def _without_brokers(self, seconds: float) -> None:
        before = self.acknowledged
        await self.nemesis.take_brokers_away(seconds)
        self.written_without_brokers = self.acknowledged - before

    async def _born(self) -> set[str]:
        """Return the dossiers of the town's citizens: nobody opened them, so there is no event of it."""
        async with admin(self.cluster.running, "reuse") as connection:
            rows = await connection.fetch("SELECT dossier_uid FROM dossier WHERE client_ref = 'ref-' || dossier_uid")
        return {str(row["dossier_uid"]) for row in rows}

    async def _strike(self, faults: int, pause: float) -> None:
        rng = self.nemesis.rng
        while len(self.nemesis.done) < faults:
            await asyncio.sleep(rng.uniform(0, pause))
            await self.nemesis.strike()

    async def end(self) -> tuple[Mapping[str, list[str]], int]:
        """Let everything come to rest; return all violations by the promise they break, and the number of leaves."""
        bundle = await self.campaign.end()
        found = await gather(self.cluster.running)
        found.states["reuse.dossier-opened.v1"] -= await self._born()
        self.campaign.ledger.asked["releases"] += self.load.hands.asked
        violations = dict(judge(self.campaign, found, bundle))
        told = race.judge(self.load.runs, await read_log(self.cluster.running))
        violations["released after a withdrawal's moment, or other faults of races"] = told.violations
        return violations, len(found.leaves)


@asynccontextmanager
async def proof_in(
    data: Path,
    seed: int,
    *,
    instances: int = 2,
    brokers: int = 3,
    kinds: Collection[str] = (),
    code: Path = ROOT,
    yesterday: Path | None = None,
) -> AsyncGenerator[Proof]:
    """Start everything in a directory; see `cluster_in` for which code."""
    rng = Random(seed)  # noqa: S311 - repeatable
    async with AsyncExitStack() as opened:
        cluster = await opened.enter_async_context(
            cluster_in(data, instances=instances, brokers=brokers, code=code, yesterday=yesterday)
        )
        running = cluster.running
        on_stage = await opened.enter_async_context(cast_of(Laptop(running.ports, running.stack, running.keyring)))
        ledger = Ledger()
        stage = Stage(persistent(on_stage, ledger), ledger, Time(running))
        campaign = Campaign(running, stage, excused=frozenset({*_EXCUSED, *([NO_JSON] if yesterday else [])}))
        databases: list[Database] = []
        for name in ("consent", "reuse"):
            databases.append(await Database.connect(running.stack.databases[name].service))
            opened.push_async_callback(databases[-1].close)
        using = await opened.enter_async_context(hands(running))
        using.reuse = [each.process.url for each in cluster.of("reuse")]
        using.consent = [running.ports.inside("consent")]
        load = Load(using, Town(running, *databases), ledger, Random(rng.getrandbits(64)))  # noqa: S311
        nemesis = Nemesis(cluster, Random(rng.getrandbits(64)), kinds)  # noqa: S311
        yield Proof(cluster, campaign, load, nemesis)
