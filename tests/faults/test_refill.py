"""Kafka's data are lost while readers are down: from the outboxes alone everybody ends where they would have been."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import pytest

from infra.client.examples import new_application
from infra.demo.cast import Application, Cast, cast_of, open_application
from infra.embedded.environment import ROOT
from infra.embedded.keyring import SERVICES
from infra.embedded.laptop import Laptop
from shared.db import Database
from tests.faults.kills.persistence import persist
from tests.faults.processes import System, system
from tests.shared.conftest import until

pytestmark = pytest.mark.stack

# What each service reads; of its own topic only audit does.
READS = {
    "identity": ("consent", "reuse", "audit"),
    "consent": ("identity", "reuse", "audit"),
    "reuse": ("identity", "consent", "audit"),
    "audit": SERVICES,
}


@pytest.fixture(scope="module")
async def city() -> AsyncGenerator[System]:
    with TemporaryDirectory(prefix="motlan-refill-") as directory:
        async with system(Path(directory)) as running:
            yield running


async def test_a_wiped_kafka_is_refilled_from_the_outboxes_and_everybody_ends_in_the_same_state(city: System) -> None:
    async with cast_of(Laptop(city.ports, city.stack, city.keyring)) as cast:
        birth = await released(cast)
        await until(lambda: published(city), seconds=120)
        for reader in ("reuse", "audit"):
            await city[reader].kill()
        await withdraw(cast)
        await until(lambda: published(city), seconds=120)
        await lose_kafka(city)
        await city.start("reuse", "audit")
        await until(lambda: has_alarm(city, "audit", "gap"), seconds=120)
        await until(lambda: refilled(city), seconds=240)
        assert await withdrawn_in(city, "consent") == await withdrawn_in(city, "reuse") == 1
        assert not [name for name in SERVICES if await has_alarm(city, name, "gap")]
        # And it works on: nothing that was granted by law is lost, nothing is released twice.
        assert (await birth.release("mother")).claims["components"]


async def released(cast: Cast) -> Application:
    """A mother has logged in, agreed to keep, and her data were released."""
    birth = await open_application(cast.justice, new_application("birth"))
    async with cast.person("mother") as person:
        token = await birth.login(person, "mother", "agreed")
    await birth.collect("mother", token)
    await persist(lambda: birth.release("mother", token))  # until the clocks have been compared
    return birth


async def withdraw(cast: Cast) -> None:
    async with cast.person("mother") as person:
        await person.log_in(f"{cast.laptop.ports.origin}/consent/login")
        await person.browser.follow("Rút lại")
        await person.browser.press("Rút lại")


async def lose_kafka(city: System) -> None:
    await city.kill_kafka()
    await asyncio.to_thread(shutil.rmtree, city.data / "kafka")
    await city.start_kafka()


async def refilled(city: System) -> bool:
    """Do what docs/operations/mend.md says: have the source of each gap send it again. Say whether all is in."""
    for reader in SERVICES:
        for source, partition, after, upto, _ in await operate(city, reader, "gaps"):
            await operate(city, source, "send-again", "--partition", partition, "--after", after, "--upto", upto)
    return await settled(city)


async def operate(city: System, service: str, *command: str) -> list[list[str]]:
    """Run an operator's command; return its lines, without the heading, as fields."""
    argv = [sys.executable, "-m", f"services.{service}", *command]
    environment = {**os.environ, **city[service].environment, "PYTHONPATH": str(ROOT)}
    done = await asyncio.to_thread(subprocess.run, argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [line.split("\t") for line in done.stdout.splitlines() if not line.startswith("{")][1:]


async def value(city: System, service: str, sql: str, *args: object) -> Any:
    db = await Database.connect(city.stack.databases[service].service, max_size=1)
    try:
        async with db.read() as tx:
            return await tx.fetchval(sql, *args)
    finally:
        await db.close()


async def published(city: System) -> bool:
    """Say whether everything committed is out."""
    left = [await value(city, name, "SELECT count(*) FROM outbox WHERE published_at IS NULL") for name in SERVICES]
    return not any(left)


async def settled(city: System) -> bool:
    """Say whether every reader has taken in every event of its sources, once."""
    sent = {name: await value(city, name, "SELECT count(*) FROM outbox") for name in SERVICES}
    for reader, sources in READS.items():
        for source in sources:
            sql = "SELECT count(*) FROM inbox WHERE source = $1 AND outcome <> 'parked'"
            if await value(city, reader, sql, source) != sent[source]:
                return False
    return True


async def withdrawn_in(city: System, service: str) -> int:
    table = {"consent": "consent_grant", "reuse": "grant_copy"}[service]
    return await value(city, service, f"SELECT count(*) FROM {table} WHERE state = 'withdrawn'")  # noqa: S608 - ours


async def has_alarm(city: System, service: str, kind: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{city[service].url}/health")
    return kind in json.loads(answer.text)["alarms"]
