"""Two of each service share the work; one takes over from another, and no restart answers anybody with an error."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from infra.demo.cast import cast_of
from infra.embedded.keyring import SERVICES
from infra.embedded.laptop import Laptop
from shared import clock
from shared.db import Database
from tests.faults.kills.checking import gather, holes, lost
from tests.faults.kills.clockwork import Time, admin
from tests.faults.kills.ledger import Ledger
from tests.faults.kills.persistence import persistent
from tests.faults.kills.stories import Stage, online
from tests.faults.processes import System
from tests.faults.prove.cluster import Cluster, Instance, cluster_in
from tests.faults.race.citizens import Town
from tests.faults.race.field import until
from tests.faults.race.hands import Hands, hands

pytestmark = pytest.mark.cluster

_CONSENT_ASKED = "consent_status_unknown"
"""The one refusal that is announced: consent cannot be asked at this very moment, and 503 says to try again."""


@dataclass(frozen=True)
class Replicas:
    """Two of each service behind balancers, and who asks them."""

    cluster: Cluster
    hands: Hands
    town: Town
    stage: Stage


@pytest.fixture(scope="module")
async def replicas(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Replicas]:
    async with AsyncExitStack() as opened:
        data: Path = tmp_path_factory.mktemp("replicas")
        cluster = await opened.enter_async_context(cluster_in(data, instances=2, brokers=1))
        running = cluster.running
        using = await opened.enter_async_context(hands(running))
        using.reuse, using.consent = [running.ports.inside("reuse")], [running.ports.inside("consent")]
        databases: list[Database] = []
        for name in ("consent", "reuse"):
            databases.append(await Database.connect(running.stack.databases[name].service))
            opened.push_async_callback(databases[-1].close)
        cast = await opened.enter_async_context(cast_of(Laptop(running.ports, running.stack, running.keyring)))
        ledger = Ledger()
        yield Replicas(
            cluster, using, Town(running, *databases), Stage(persistent(cast, ledger), ledger, Time(running))
        )


async def test_they_share_the_partitions_of_what_they_read(replicas: Replicas) -> None:
    asked = AIOKafkaAdminClient(bootstrap_servers=replicas.cluster.running.stack.kafka.bootstrap)
    await asked.start()
    try:
        for service in SERVICES:

            async def both_have_some(service: str = service) -> bool:
                (answer,) = await asked.describe_consumer_groups([service])
                members = answer.to_object()["groups"][0]["members"]
                return len(members) == 2 and all(len(member["member_assignment"]) > 30 for member in members)

            await until(both_have_some, 60)
    finally:
        await asked.close()


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_another_relay_takes_over_within_five_seconds(replicas: Replicas, how: str) -> None:
    both = replicas.cluster.of("consent")
    await until(lambda: _is_active(both), 30)
    active = max(both, key=lambda each: _activations(each)[-1:])
    (other,) = [each for each in both if each is not active]
    before, since = len(_activations(other)), clock.now()
    if how == "killed":
        await active.process.kill()
    else:
        active.process.freeze()
    try:
        await until(lambda: _took_over(other, before), 20)
        took = (datetime.fromisoformat(_activations(other)[-1]) - since).total_seconds()
        assert took < 5, f"{took} s"
    finally:
        if how == "killed":
            await active.process.start()
        else:
            active.process.thaw()


async def _is_active(instances: Sequence[Instance]) -> bool:
    return any(map(_activations, instances))


async def _took_over(instance: Instance, before: int) -> bool:
    return len(_activations(instance)) > before


def _activations(instance: Instance) -> list[str]:
    """Return when this process became the one whose relay works."""
    lines = instance.process.log.read_text("utf-8", "replace").splitlines()
    return [json.loads(line)["time"] for line in lines if '"event":"relay_active"' in line]


async def test_a_rolling_restart_under_load_loses_nothing_and_answers_nobody_with_an_error(replicas: Replicas) -> None:
    citizens = await replicas.town.citizens(8, "keeping", "release")
    over, told = asyncio.Event(), Counter[str]()

    async def ask(client: int) -> None:
        while not over.is_set():
            for citizen in citizens:
                told[(await replicas.hands.release(citizen, client)).code or "released"] += 1

    async with asyncio.TaskGroup() as group:
        for client in range(3):
            group.create_task(ask(client))
        story = group.create_task(_stories(replicas.stage, over))
        for service in SERVICES:
            for instance in replicas.cluster.of(service):
                await instance.process.end()
                await instance.process.start()
        over.set()
    assert told["released"] > 100, told
    assert told.keys() <= {"released", _CONSENT_ASKED}, told
    assert told[_CONSENT_ASKED] <= told["released"] / 100, told
    assert story.result() > 0


async def _stories(stage: Stage, over: asyncio.Event) -> int:
    played = 0
    while not over.is_set() or not played:
        await online(stage, "mother")
        played += 1
    return played


async def test_what_was_acknowledged_meanwhile_is_in_the_log_once(replicas: Replicas) -> None:
    running, ledger = replicas.cluster.running, replicas.stage.ledger
    await until(lambda: _is_sealed(running), 120)
    log = await gather(running)
    assert ledger.acknowledged > 5
    assert list(lost(ledger, log)) == []
    assert list(holes(log)) == []


async def _is_sealed(running: System) -> bool:
    for service in SERVICES:
        async with admin(running, service) as connection:
            if await connection.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE sealed_at IS NULL)"):
                return False
    return True
