"""How a reader goes on: it takes in several at a time, and tells the broker now and then how far it is."""

import asyncio
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer

from tests.shared.conftest import FIRST, OTHER, SECOND, Pair, running, until
from tests.shared.reading import t_is_set

pytestmark = pytest.mark.stack


async def test_a_reader_that_starts_again_goes_on_where_its_last_commit_stands(pair: Pair) -> None:
    async with running(pair.relay()):
        await pair.append(FIRST, SECOND)
        async with running(pair.consumer()):
            await pair.until_taken(2)
        await pair.append(FIRST, OTHER)
        async with running(pair.consumer()):
            await pair.until_taken(4)
            await until(lambda: t_is_set(pair))
    assert sorted(await pair.effects()) == [1, 2, 3, 4]
    await asyncio.sleep(0.1)
    async with pair.kafka.subscribe(pair.reader, [f"{pair.source}.events"]) as subscription:
        left = [record for records in await subscription.poll(1) for record in records]
    assert not [record for record in left if b'"sequence"' in record.value and b'"last"' not in record.value]


async def test_what_arrives_soon_after_a_few_is_taken_in_by_few_transactions(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.consumer._GATHER", 1.0)
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await pair.until_taken(1)
        for published in range(2, 8):
            await pair.append(FIRST)
            await pair.until_published(published)
        await pair.until_taken(7)
    # The first, what the client had fetched ahead by then, and the rest.
    assert await pair.value("SELECT count(DISTINCT xmin::text) FROM inbox") <= 3


async def test_offsets_are_committed_now_and_then_and_not_for_each_record(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    commit: Any = cast(Any, AIOKafkaConsumer).commit

    async def counted(self: AIOKafkaConsumer, offsets: Any) -> None:
        commits.append(len(offsets))
        await commit(self, offsets)

    monkeypatch.setattr(AIOKafkaConsumer, "commit", counted)
    monkeypatch.setattr("shared.kafka._COMMIT_EVERY", 600.0)
    async with running(pair.relay(), pair.consumer()):
        for taken in (1, 2, 3):
            await pair.append(FIRST, OTHER)
            await pair.until_taken(2 * taken)
        assert commits == []
    assert commits == [2]  # one, of both partitions, when it ended
