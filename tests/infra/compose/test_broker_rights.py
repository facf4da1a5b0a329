"""At the compose stack's broker only a topic's owner writes it, only its followers read it, and nobody is anonymous."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.compose.rights import FOLLOWS, SPECTATOR
from infra.compose.topics import Refused, prepare
from infra.compose.vault import Vault
from infra.embedded.broker import Listening
from infra.embedded.processes import free_ports
from infra.topics import SERVICES, TOPICS
from shared.kafka import BrokerUnavailable, Kafka, Login, Message
from tests.infra.compose.locked import LockedBroker, login, make_vault

pytestmark = pytest.mark.stack


@dataclass(frozen=True)
class Locked:
    """A broker that runs, and the keys to it."""

    address: str
    vault: Vault
    directory: Path

    def as_(self, user: str) -> Login:
        return login(self.vault, user, self.directory)


@pytest.fixture(scope="module")
async def locked() -> AsyncGenerator[Locked]:
    with TemporaryDirectory(prefix="motlan-") as name:
        directory = Path(name)
        vault = make_vault(directory / "vault")
        broker = LockedBroker(directory / "kafka", Listening(*free_ports(2)), vault)
        running = Locked(broker.address, vault, directory)
        try:
            await broker.start("bW90bGFuLWhhaXBob25nMQ")
            await broker.until(lambda: prepare(broker.address, running.as_("topics")))
            yield running
        finally:
            await broker.stop()


async def writes(locked: Locked, who: Login, topic: str) -> bool:
    kafka = Kafka(locked.address, login=who, timeout=5)
    try:
        await kafka.publish([Message(topic, 0, None, b"{}")])
    except BrokerUnavailable:
        return False
    finally:
        await kafka.close()
    return True


@pytest.mark.parametrize("owner", SERVICES)
async def test_a_topic_is_written_by_its_owner_alone(locked: Locked, owner: str) -> None:
    assert {who for who in (*SERVICES, SPECTATOR) if await writes(locked, locked.as_(who), f"{owner}.events")} == {
        owner
    }


async def test_dead_letters_are_written_by_their_reader_alone(locked: Locked) -> None:
    assert await writes(locked, locked.as_("reuse"), "reuse.dead-letters")
    assert not await writes(locked, locked.as_("consent"), "reuse.dead-letters")


@pytest.mark.parametrize("reader", SERVICES)
async def test_a_service_reads_what_it_follows(locked: Locked, reader: str) -> None:
    for source in FOLLOWS[reader]:
        assert await writes(locked, locked.as_(source), f"{source}.events")
    topics = [f"{source}.events" for source in FOLLOWS[reader]]
    seen: set[str] = set()
    kafka = Kafka(locked.address, login=locked.as_(reader))
    async with kafka.subscribe(reader, topics) as subscription:
        while seen != set(topics):
            seen |= {record.topic for records in await subscription.poll(0.2) for record in records}


async def test_a_service_does_not_read_what_it_does_not_follow(locked: Locked) -> None:
    kafka = Kafka(locked.address, login=locked.as_("consent"), timeout=3)
    with pytest.raises(BrokerUnavailable):
        async with kafka.subscribe("consent", ["audit.dead-letters"]) as subscription:
            await subscription.poll(0.1)


@pytest.mark.parametrize("password", ["", "broker", "topics"])
async def test_a_wrong_password_opens_nothing(locked: Locked, password: str) -> None:
    assert not await writes(locked, replace(locked.as_("consent"), password=password), "consent.events")


async def test_nobody_is_let_in_without_saying_who_he_is(locked: Locked) -> None:
    with pytest.raises(BrokerUnavailable):
        await Kafka(locked.address, timeout=3).publish([Message("consent.events", 0, None, b"{}")])


async def test_what_nobody_was_given_is_nobodys(locked: Locked) -> None:
    await prepare(locked.address, locked.as_("topics"), {"spare": 1})
    assert not await writes(locked, locked.as_("consent"), "spare")


async def test_topics_are_prepared_again_without_harm(locked: Locked) -> None:
    await prepare(locked.address, locked.as_("topics"))


async def test_another_partition_count_is_refused_since_keys_would_change_place(locked: Locked) -> None:
    with pytest.raises(Refused, match=r"identity\.events has 4 partitions, not 8"):
        await prepare(locked.address, locked.as_("topics"), {**TOPICS, "identity.events": 8})
