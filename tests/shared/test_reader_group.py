"""A reader's place in its group: partitions are shared, none sits idle, and one that is stuck gets a new client."""

import asyncio

import pytest

from shared import kafka
from shared.kafka import BrokerUnavailable, NoPartitionLeft, Subscription
from tests.shared.conftest import FIRST, OTHER, Pair, running, until

pytestmark = pytest.mark.stack


async def test_members_share_the_partitions_and_one_more_is_refused_until_one_leaves(pair: Pair) -> None:
    topic = [f"{pair.source}.events"]
    async with pair.kafka.subscribe(pair.reader, topic):
        second = pair.kafka.subscribe(pair.reader, topic)
        await second.__aenter__()
        with pytest.raises(NoPartitionLeft, match="2 members, 2 partitions"):
            async with pair.kafka.subscribe(pair.reader, topic):
                pass
        await second.__aexit__(None, None, None)
        async with pair.kafka.subscribe(pair.reader, topic):
            pass


async def test_a_reader_that_stood_by_takes_over_and_nothing_is_read_twice_or_missed(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.consumer._STAND_BY", 0.1)
    first, second, third = [asyncio.create_task(pair.consumer().run()) for _ in range(3)]
    async with running(pair.relay()):
        await pair.append(FIRST, OTHER, FIRST)
        await pair.until_taken(3)
        first.cancel()
        await pair.append(FIRST, OTHER)
        await pair.until_taken(5)
        second.cancel()
        await pair.append(OTHER, FIRST)
        await until(lambda: taken(pair, 7), seconds=30)
    third.cancel()
    assert sorted(await pair.effects()) == [1, 2, 3, 4, 5, 6, 7]


async def test_a_reader_knows_how_far_it_is_behind(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_LOOK_EVERY", 0.0)
    async with running(pair.relay()):
        await pair.append(FIRST, FIRST, OTHER)
        await pair.until_published(3)
    topic = f"{pair.source}.events"
    async with pair.kafka.subscribe(pair.reader, [topic]) as subscription:
        while not (records := await subscription.poll(1)):
            pass
        subscription.again(records[0][0], 0.0)
        await subscription.poll(0)
        behind = sum(subscription.lag.values())
    assert behind >= 1
    assert {name for name, _ in subscription.lag} == {topic}


async def test_a_reader_that_delivers_nothing_though_there_is_more_gets_a_new_client(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client looks alive: it has its partitions, its heart beats, and no record comes."""
    monkeypatch.setattr(kafka, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr("shared.progress.STUCK_AFTER", 0.5)
    stuck = pair.kafka.subscribe(pair.reader, [f"{pair.source}.events"])
    subscription = await stuck.__aenter__()
    subscription._consumer.pause(*subscription._consumer.assignment())  # pyright: ignore[reportUnknownMemberType] - it ships no types
    async with running(pair.relay()):
        await pair.append(FIRST, OTHER)
        await pair.until_published(2)
    with pytest.raises(BrokerUnavailable, match="stuck"):
        await polled_for_ever(subscription)
    await stuck.__aexit__(None, None, None)
    async with running(pair.consumer()):
        await pair.until_taken(2)


async def polled_for_ever(subscription: Subscription) -> None:
    async with asyncio.timeout(30):
        while True:
            assert await subscription.poll(0.05) == []


async def taken(pair: Pair, count: int) -> bool:
    """Say whether so many events have been taken in."""
    return await pair.value("SELECT count(*) FROM inbox") == count
