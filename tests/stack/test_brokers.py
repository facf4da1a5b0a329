"""Three brokers keep what was acknowledged, in order, while one of them dies, stands still or is restarted."""
# aiokafka ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from infra.embedded import kafka as embedded
from infra.embedded.processes import StackError, free_ports
from infra.embedded.stack import TOPICS
from shared.kafka import BrokerUnavailable, Kafka, Message
from tests.faults.kills.brokers import until_led_by_another

pytestmark = pytest.mark.cluster

TOPIC, PARTITION = "consent.events", 1
WRITTEN_AROUND = 40

Cluster = embedded.Kafka


@pytest.fixture(scope="module")
async def cluster() -> AsyncGenerator[Cluster]:
    with TemporaryDirectory(prefix="motlan-brokers-") as directory:
        running = await Cluster.start(Path(directory), *free_ports(2), brokers=3)
        try:
            await running.ensure_topics(TOPICS)
            yield running
        finally:
            await running.kill()


@dataclass
class Writer:
    """Writes numbers, one after the other and each until it is acknowledged, as a relay does."""

    kafka: Kafka
    acknowledged: list[int] = field(default_factory=list[int])
    refused: int = 0

    async def write(self) -> None:
        """Write for ever."""
        while True:
            await self.write_one()

    async def write_one(self) -> None:
        number = len(self.acknowledged)
        message = Message(TOPIC, PARTITION, b"one key", str(number).encode())
        while True:
            try:
                await self.kafka.publish([message])
            except BrokerUnavailable:
                self.refused += 1
            else:
                self.acknowledged.append(number)
                return

    async def until(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(120):
            while len(self.acknowledged) < wanted:  # noqa: ASYNC110 - what is awaited is the writing
                await asyncio.sleep(0.02)


async def leader_killed(cluster: Cluster) -> None:
    leader = await cluster.leader(TOPIC, PARTITION)
    await leader.kill()
    await until_led_by_another(cluster, TOPIC, PARTITION, leader)


async def leader_frozen(cluster: Cluster) -> None:
    leader = await cluster.leader(TOPIC, PARTITION)
    leader.freeze()
    await until_led_by_another(cluster, TOPIC, PARTITION, leader)


async def follower_killed(cluster: Cluster) -> None:
    leader = await cluster.leader(TOPIC, PARTITION)
    await next(broker for broker in cluster.brokers if broker is not leader).kill()


async def all_restarted_in_turn(cluster: Cluster) -> None:
    for broker in cluster.brokers:
        await broker.stop()
        await cluster.resume()
        await cluster.until_in_sync()


@pytest.mark.parametrize("befalls", [leader_killed, leader_frozen, follower_killed, all_restarted_in_turn])
async def test_what_is_acknowledged_is_kept_in_order_and_writing_goes_on(
    cluster: Cluster, befalls: Callable[[Cluster], Awaitable[None]]
) -> None:
    begins = await end_of_log(cluster)
    writer = Writer(Kafka(cluster.bootstrap))
    writing = asyncio.create_task(writer.write())
    try:
        await writer.until(WRITTEN_AROUND)
        await befalls(cluster)
        await writer.until(WRITTEN_AROUND)  # by those that are left
        await whole_again(cluster)
        await writer.until(WRITTEN_AROUND)
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        await writer.kafka.close()
        await whole_again(cluster)
    told = await read(cluster, begins)
    assert list(dict.fromkeys(told))[: len(writer.acknowledged)] == writer.acknowledged


async def test_what_one_broker_alone_would_hold_is_not_acknowledged(cluster: Cluster) -> None:
    begins = await end_of_log(cluster)
    writer = Writer(Kafka(cluster.bootstrap, timeout=8))
    await writer.write_one()
    leader = await cluster.leader(TOPIC, PARTITION)
    for broker in cluster.brokers:
        if broker is not leader:
            await broker.kill()
    writing = asyncio.create_task(writer.write())
    try:
        async with asyncio.timeout(60):
            while not writer.refused:  # noqa: ASYNC110 - what is awaited is the writing
                await asyncio.sleep(0.05)
        assert writer.acknowledged == [0]
        await whole_again(cluster)
        await writer.until(WRITTEN_AROUND)
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        await writer.kafka.close()
        await whole_again(cluster)
    assert list(dict.fromkeys(await read(cluster, begins)))[: len(writer.acknowledged)] == writer.acknowledged


async def test_every_topic_kafkas_own_too_has_three_copies_of_which_two_must_be_there(cluster: Cluster) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        topics: Any = await admin.describe_topics()
        copies = {topic["topic"]: {len(one["replicas"]) for one in topic["partitions"]} for topic in topics}
        assert copies == {name: {3} for name in (*TOPICS, "__consumer_offsets")}
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in copies]
        answers: Any = await admin.describe_configs(asked)
        for answer in answers:
            for resource in answer.resources:
                assert {entry[0]: entry[1] for entry in resource[4]}["min.insync.replicas"] == "2", resource[3]
    finally:
        await admin.close()


async def test_data_of_three_brokers_are_not_started_as_one(cluster: Cluster) -> None:
    with pytest.raises(StackError, match="are those of 3 broker"):
        await Cluster.start(cluster._data_dir, *free_ports(2))


async def whole_again(cluster: Cluster) -> None:
    for broker in cluster.brokers:
        broker.thaw()
    await cluster.resume()
    await cluster.until_in_sync()


async def end_of_log(cluster: Cluster) -> int:
    async with consumer(cluster) as reading:
        return (await reading.end_offsets([TopicPartition(TOPIC, PARTITION)]))[TopicPartition(TOPIC, PARTITION)]


async def read(cluster: Cluster, begins: int) -> list[int]:
    """Return all numbers in the log from an offset on; one that was sent twice stands there twice."""
    partition = TopicPartition(TOPIC, PARTITION)
    async with consumer(cluster) as reading:
        ends = (await reading.end_offsets([partition]))[partition]
        reading.assign([partition])
        reading.seek(partition, begins)
        found: list[int] = []
        async with asyncio.timeout(60):
            while await reading.position(partition) < ends:
                found += [
                    int(one.value) for one in (await reading.getmany(partition, timeout_ms=1000)).get(partition, [])
                ]
    return found


def consumer(cluster: Cluster) -> Any:
    return AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap, enable_auto_commit=False)
