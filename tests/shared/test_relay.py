"""What is committed is published: once numbered, in order, with the same bytes at every repetition."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from infra.embedded.stack import Stack
from shared import outbox, sole
from shared.db import DatabaseUnavailable
from shared.kafka import Kafka
from tests.shared.conftest import PARTITIONS, Pair, running, until

pytestmark = pytest.mark.stack


async def test_eight_writers_leave_no_hole_in_the_numbers(pair: Pair) -> None:
    async def write(writer: int) -> None:
        for n in range(40):
            await pair.append(f"k{writer}-{n % 3}")

    async with running(pair.relay(batch=50)):
        await asyncio.gather(*(write(writer) for writer in range(8)))
        await pair.until_published(320)
    rows = await pair.sent()
    assert [row["sequence"] for row in rows] == list(range(1, 321))
    for partition in range(PARTITIONS):
        numbers = [row["sequence"] for row in rows if row["partition"] == partition]
        assert [row["previous"] for row in rows if row["partition"] == partition] == [0, *numbers[:-1]]


async def test_an_event_that_commits_late_is_not_skipped(pair: Pair) -> None:
    async with running(pair.relay()):
        async with pair.out.transaction() as late:
            await outbox.append(late, pair.event("late"))  # draws the lowest position, commits last
            await pair.append("early", "early")
            await pair.until_published(2)
        await pair.until_published(3)
    rows = await pair.sent()
    assert [row["key"] for row in rows] == ["early", "early", "late"]
    assert rows[0]["position"] > rows[2]["position"]


async def test_what_was_sent_but_not_marked_before_a_crash_is_sent_again_with_identical_bytes(pair: Pair) -> None:
    await pair.append("a", "b", "c")
    dies = DiesBeforeMarking(pair)
    with pytest.raises(asyncio.CancelledError):
        await dies.run()
    assert all(row["published_at"] is None and row["canonical"] for row in await pair.sent())
    await pair.append("d")
    async with running(pair.relay()):
        await pair.until_published(4)
    values = [value for value in await everything(pair) if "sequence" in json.loads(value)]
    rows = await pair.sent()
    assert sorted(values) == sorted([row["canonical"] for row in rows[:3]] * 2 + [rows[3]["canonical"]])


async def test_what_is_committed_soon_after_a_round_waits_for_the_next_and_is_published_together(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.relay._GATHER", 1.0)
    async with running(pair.relay()):
        await pair.append("a")
        await pair.until_published(1)
        for key in "bcdefg":
            await pair.append(key)
            await asyncio.sleep(0.06)  # a round would be over
        await pair.until_published(7)
    async with pair.out.read() as tx:
        assert await tx.fetchval("SELECT count(DISTINCT xmin::text) FROM outbox") <= 3


async def test_a_transaction_undone_publishes_nothing(pair: Pair) -> None:
    async def fail() -> None:
        async with pair.out.transaction() as tx:
            await outbox.append(tx, pair.event("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with running(pair.relay()):
        await pair.append("b")
        await pair.until_published(1)
    assert [row["key"] for row in await pair.sent()] == ["b"]


async def test_of_two_relays_only_one_is_active_and_the_other_takes_over(pair: Pair) -> None:
    first, second = asyncio.create_task(pair.relay().run()), asyncio.create_task(pair.relay().run())
    try:
        await pair.append("a")
        await pair.until_published(1)
        await asyncio.sleep(0.5)
        assert await holders(pair) == 1
        first.cancel()
        await pair.append("b")
        await pair.until_published(2)
        assert await holders(pair) == 1
    finally:
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def test_a_relay_whose_lock_is_taken_from_it_stops_and_starts_over(pair: Pair) -> None:
    async with running(pair.relay()):
        await pair.append("a")
        await pair.until_published(1)
        assert await take_the_lock_away(pair)
        await pair.append("b")
        await pair.until_published(2)
    assert [row["sequence"] for row in await pair.sent()] == [1, 2]


async def test_a_relay_that_works_again_puts_in_order_what_another_left_meanwhile(pair: Pair) -> None:
    nobody = Kafka("127.0.0.1:1", timeout=0.5)
    async with running(pair.relay(watermark_every=3600)):
        await pair.append("a")
        await until(lambda: watermarks_follow(pair, 0))
        async with running(pair.relay(kafka=nobody)):
            told = await watermarks(pair)
            while not await alarm(pair, "relay_stalled"):  # until the lock went to the other one
                await take_the_lock_away(pair)
                await asyncio.sleep(1)
        await until(lambda: gone(pair, "relay_stalled"))
        await until(lambda: watermarks_follow(pair, told))


async def test_nothing_is_marked_that_the_broker_has_not_acknowledged(pair: Pair) -> None:
    nobody = Kafka("127.0.0.1:1", timeout=0.5)
    async with running(pair.relay(kafka=nobody)):
        await pair.append("a", "b")

        await until(lambda: alarm(pair, "relay_stalled"))
    assert [row["published_at"] for row in await pair.sent()] == [None, None]
    async with running(pair.relay()):
        await pair.until_published(2)
        await until(lambda: gone(pair, "relay_stalled"))


async def test_a_frozen_broker_blocks_nobody_for_ever_and_everything_arrives_once_it_thaws(
    pair: Pair, stack: Stack
) -> None:
    impatient = Kafka(stack.kafka.bootstrap, timeout=1)
    async with running(pair.relay(kafka=impatient)):
        await pair.append("a")
        await pair.until_published(1)
        stack.kafka.freeze()
        try:
            await pair.append("b", "c")
            await until(lambda: alarm(pair, "relay_stalled"), seconds=5)
        finally:
            stack.kafka.thaw()
        await pair.until_published(3)
        await until(lambda: gone(pair, "relay_stalled"))
        async with running(pair.consumer()):
            await pair.until_taken(3)
    await impatient.close()
    assert sorted(await pair.effects()) == [1, 2, 3]


async def test_a_session_that_falls_silent_loses_the_lock_to_another(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    active: list[int] = []

    def worker(number: int) -> Callable[[sole.Session], Awaitable[None]]:
        async def work(_: sole.Session) -> None:
            active.append(number)
            await asyncio.sleep(60)

        return work

    monkeypatch.setattr(sole, "_SIGN_OF_LIFE", 60)  # as if its process were frozen
    frozen = asyncio.create_task(sole.work_alone(pair.out_dsn, "test", worker(1)))
    await until(lambda: held_by(active, [1]))
    other = asyncio.create_task(sole.work_alone(pair.out_dsn, "test", worker(2)))
    await until(lambda: held_by(active, [1, 2]), seconds=6)
    frozen.cancel()
    other.cancel()
    await asyncio.gather(frozen, other, return_exceptions=True)


async def test_work_that_waits_for_something_else_is_ended_when_its_lock_is_lost(pair: Pair) -> None:
    async def work(session: sole.Session) -> None:
        async with session.transaction() as tx:
            pid = await tx.fetchval("SELECT pg_backend_pid()")
        async with pair.out.statement() as tx:
            await tx.execute("SELECT pg_terminate_backend($1)", pid)
        await asyncio.sleep(60)

    with pytest.raises(DatabaseUnavailable):
        async with asyncio.timeout(5):
            await sole.work_alone(pair.out_dsn, "test", work)


class DiesBeforeMarking:
    """A relay whose process ends between the broker's acknowledgement and the mark."""

    def __init__(self, pair: Pair) -> None:
        self._relay = pair.relay(kafka=self)
        self._kafka = pair.kafka

    async def publish(self, messages: Any) -> None:
        await self._kafka.publish(messages)
        raise asyncio.CancelledError

    async def run(self) -> None:
        await self._relay.run()


async def take_the_lock_away(pair: Pair) -> bool:
    async with pair.out.statement() as tx:
        return await tx.fetchval(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )


async def watermarks(pair: Pair) -> int:
    return sum(json.loads(value)["type"].endswith(".watermark.v1") for value in await everything(pair))


async def watermarks_follow(pair: Pair, told: int) -> bool:
    return await watermarks(pair) > told


async def everything(pair: Pair) -> list[bytes]:
    """Read the source's topic from its beginning until nothing more comes."""
    values: list[bytes] = []
    async with pair.kafka.subscribe(f"{pair.reader}.all", [f"{pair.source}.events"]) as subscription:
        while found := await subscription.poll(1):
            values += [record.value for records in found for record in records]
    return values


async def holders(pair: Pair) -> int:
    async with pair.out.read() as tx:
        return await tx.fetchval(
            """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
        )


async def alarm(pair: Pair, kind: str) -> bool:
    async with pair.out.read() as tx:
        return await tx.fetchval("SELECT EXISTS (SELECT FROM alarm WHERE kind = $1)", kind)


async def gone(pair: Pair, kind: str) -> bool:
    return not await alarm(pair, kind)


async def held_by(active: list[int], expected: list[int]) -> bool:
    return active == expected
