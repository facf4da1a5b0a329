"""What befalls single brokers of a cluster: each fault ends with all of them there again, every copy up to date."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from aiokafka.errors import KafkaError

from infra.embedded.broker import Broker
from infra.embedded.kafka import Kafka
from tests.faults.kills.executing import Death
from tests.faults.processes import System

_LED_AGAIN_WITHIN = 60


async def leader_killed(running: System) -> Death:
    """Kill the leader of a partition that everybody reads and start it again."""
    kafka = running.stack.kafka
    leader = await kafka.leader("consent.events", 0)
    await leader.kill()
    return await _recovered("leader killed", kafka, "consent.events", leader)


async def leader_frozen(running: System) -> Death:
    """Stop the leader of a partition where it stands: it wakes as one among others, and what it held alone is gone."""
    kafka = running.stack.kafka
    leader = await kafka.leader("reuse.events", 0)
    leader.freeze()
    return await _recovered("leader frozen", kafka, "reuse.events", leader)


async def coordinator_frozen(running: System) -> Death:
    """Stop the broker that all reader groups report to where it stands; it wakes when another has taken over."""
    kafka = running.stack.kafka
    coordinator = await kafka.leader("__consumer_offsets", 0)
    coordinator.freeze()
    return await _recovered("coordinator frozen", kafka, "__consumer_offsets", coordinator)


async def restarted_in_turn(running: System) -> Death:
    """End each broker in good order and start it again, the next once all copies are up to date."""
    kafka, begun = running.stack.kafka, time.monotonic()
    for broker in kafka.brokers:
        await broker.stop()
        await kafka.resume()
        await kafka.until_in_sync()
    return Death("brokers", "restarted in turn", time.monotonic() - begun)


BROKER_FAULTS: Mapping[str, Callable[[System], Awaitable[Death]]] = {
    "leader killed": leader_killed,
    "leader frozen": leader_frozen,
    "coordinator frozen": coordinator_frozen,
    "restarted in turn": restarted_in_turn,
}


async def _recovered(what: str, kafka: Kafka, topic: str, gone: Broker) -> Death:
    begun = time.monotonic()
    await until_led_by_another(kafka, topic, 0, gone)
    took = time.monotonic() - begun
    gone.thaw()
    await kafka.resume()
    await kafka.until_in_sync()
    return Death("brokers", what, took)


async def until_led_by_another(kafka: Kafka, topic: str, partition: int, gone: Broker) -> None:
    """Wait until the cluster has given a partition to another broker; raises TimeoutError when it does not."""
    async with asyncio.timeout(_LED_AGAIN_WITHIN):
        while True:
            try:
                if await kafka.leader(topic, partition) is not gone:
                    return
            except (KafkaError, LookupError):  # whoever was asked does not know yet
                pass
            await asyncio.sleep(0.1)
