"""An alarm that is raised is seen: at /health of the service that raised it, and as one line of its log."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from shared import clock, events, ids
from shared.kafka import Kafka, Message, partition_for
from shared.keys import ServiceKey
from tests.faults.kills.clockwork import admin
from tests.faults.processes import System, system
from tests.shared.conftest import until

pytestmark = pytest.mark.stack

_FAILS = "consent.withdrawn.v1"  # of which reuse expects more than we tell it


@pytest.fixture(scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[System]:
    async with system(tmp_path_factory.mktemp("alarms"), start=(), public=False) as running:
        running["audit"].environment["AUDIT_OMISSION_BOUND_SECONDS"] = "1"
        await running.start("consent", "reuse", "audit")
        yield running


async def broker_dies(city: System) -> None:
    """What is committed waits; afterwards it goes out."""
    await city.kill_kafka()
    await until(lambda: shown(city, "consent", "relay_stalled"), seconds=60)
    await city.start_kafka()
    await until(lambda: cleared(city, "consent", "relay_stalled"), seconds=60)


async def tell(city: System, count: int = 1) -> None:
    """Have consent tell of grants what reuse cannot read."""
    async with admin(city, "consent") as connection:
        for _ in range(count):
            event_id, key = ids.new(), str(ids.new())
            await connection.execute(
                "INSERT INTO outbox (event_id, type, key, time, data) VALUES ($1, $2, $3, now(), '{}')",
                event_id, _FAILS, key,
            )  # fmt: skip


async def forge(city: System) -> None:
    """Send what nobody of ours has signed."""
    await send(city, b"no event", signature=b"", partition=0)


async def skip_a_number(city: System) -> None:
    """Send what names a number before it that nobody ever got."""
    await send_numbered(city, sequence=90_002, previous=90_001)


async def give_a_number_twice(city: System) -> None:
    """Send another event under a number that is taken, as a source restored from a backup would."""
    await tell(city)
    await until(lambda: taken_in(city), seconds=30)
    async with admin(city, "consent") as connection:
        row = await connection.fetchrow("SELECT key, sequence, previous FROM outbox ORDER BY sequence LIMIT 1")
    assert row
    await send_numbered(city, sequence=row["sequence"], previous=row["previous"], key=row["key"])


async def edit_a_row(city: System) -> None:
    """Change what is kept of an event beside its leaf; audit hashes everything again at its start."""
    await tell(city)
    async with admin(city, "audit") as connection:

        async def is_sealed() -> bool:
            return await connection.fetchval("SELECT EXISTS (SELECT FROM leaf)")

        await until(is_sealed, seconds=30)
        await connection.execute("UPDATE entry SET salt = sha256(salt) WHERE leaf_index = 0")
    await city["audit"].restart()


async def forge_too_much(city: System) -> None:
    """Send one forgery too many within a minute: the fault is likely the reader's, a key that it lacks."""
    async with admin(city, "reuse") as connection:
        await connection.execute(
            """INSERT INTO dead_letter (topic, partition, kafka_offset, digest, reason, headers, value)
               SELECT 'consent.events', 0, 1000000 + n, sha256(''), 'forged', '{}', ''
                 FROM generate_series(1, 1000) AS n"""
        )
    await forge(city)


@pytest.mark.parametrize(
    ("kind", "service", "bring_about"),
    [
        ("relay_stalled", "consent", broker_dies),
        ("parked", "reuse", tell),
        ("dead_letter", "reuse", forge),
        ("number_conflict", "reuse", give_a_number_twice),
        ("edited_row", "audit", edit_a_row),
        ("gap", "reuse", skip_a_number),
        ("omission", "audit", skip_a_number),
        ("consumer_stopped", "reuse", forge_too_much),
    ],
)
async def test_an_alarm_is_seen_at_health_and_once_in_the_log(
    city: System, kind: str, service: str, bring_about: Callable[[System], Awaitable[None]]
) -> None:
    await bring_about(city)
    await until(lambda: logged(city, service, "alarm_raised", kind), seconds=60)
    if kind == "relay_stalled":  # over by now, and said to be
        assert await logged(city, service, "alarm_cleared", kind)
    else:
        assert await shown(city, service, kind)
    keys = [line["key"] for line in lines(city, service, "alarm_raised", kind)]
    assert len(keys) == len(set(keys)), "said again while it held"


async def shown(city: System, service: str, kind: str) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{city[service].url}/health")
    return kind in answer.json()["alarms"]


async def cleared(city: System, service: str, kind: str) -> bool:
    return not await shown(city, service, kind)


async def logged(city: System, service: str, event: str, kind: str) -> bool:
    return bool(lines(city, service, event, kind))


def lines(city: System, service: str, event: str, kind: str) -> list[dict[str, Any]]:
    """Return the lines a service has logged of this event about this kind of alarm."""
    text = city[service].log.read_text("utf-8").splitlines()
    told = [json.loads(line) for line in text if f'"event":"{event}"' in line]
    return [line for line in told if line["kind"] == kind]


async def taken_in(city: System) -> bool:
    async with admin(city, "reuse") as connection:
        return await connection.fetchval("SELECT EXISTS (SELECT FROM inbox WHERE source = 'consent')")


async def send_numbered(city: System, *, sequence: int, previous: int, key: str = "") -> None:
    """Send an event as consent would sign it, with numbers of our choice."""
    key = key or str(ids.new())
    partition = partition_for(key, 4)
    event = events.Event("consent.lapsed.v1", key, {}, clock.now())
    canonical = events.encode("consent", event, sequence=sequence, previous=previous, partition=partition)
    signing = ServiceKey.load(city.keyring.ed25519("consent"))
    await send(city, canonical, signature=signing.sign(canonical), partition=partition, kid=signing.kid)


async def send(city: System, value: bytes, *, signature: bytes, partition: int, kid: str = "") -> None:
    kafka = Kafka(city.stack.kafka.bootstrap)
    headers = (("signature", signature), ("kid", kid.encode()))
    try:
        await kafka.publish([Message("consent.events", partition, None, value, headers)])
    finally:
        await kafka.close()
