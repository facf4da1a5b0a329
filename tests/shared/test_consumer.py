"""What arrives takes effect once; what is forged moves nothing; what is missing or broken holds the watermark."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import events, outbox
from shared.db import Tx
from shared.errors import Unavailable
from shared.events import Notice, Received, Watermark
from shared.kafka import Message
from shared.keys import ServiceKey
from tests.shared.conftest import FIRST, NOW, OTHER, PARTITIONS, SECOND, Pair, running, until
from tests.shared.reading import (
    WATERMARKS,
    Loses,
    alarm,
    dead_letters,
    frozen,
    gaps,
    moved,
    reached,
    refill,
    t_is_set,
    t_of,
)

pytestmark = pytest.mark.stack

FUTURE = datetime(2999, 1, 1, tzinfo=UTC)


async def test_an_event_delivered_three_times_and_late_has_its_effect_once(pair: Pair) -> None:
    async with running(pair.relay()):
        await pair.append(FIRST, SECOND, FIRST, OTHER)
        await pair.until_published(4)
    rows = await pair.sent()
    await pair.replay(*rows, *rows)
    async with running(pair.consumer()):
        await pair.until_taken(4)
        await pair.replay(rows[0], rows[3], rows[0])
        async with running(pair.relay()):
            await pair.append(FIRST)
            await pair.until_taken(5)
    assert sorted(await pair.effects()) == [1, 2, 3, 4, 5]
    assert await pair.effects(FIRST) == [1, 3, 5]
    assert await pair.value("SELECT bool_or(frozen) FROM reader_watermark") is False


async def test_a_reader_that_dies_at_its_work_takes_the_event_in_when_it_lives_again(pair: Pair) -> None:
    async def dies(tx: Tx, event: Received) -> None:
        await pair.note(tx, event)
        raise asyncio.CancelledError

    async with running(pair.relay()):
        await pair.append(FIRST)
        with pytest.raises(asyncio.CancelledError):
            await pair.consumer(dies).run()
        assert await pair.effects() == []
        async with running(pair.consumer()):
            await pair.until_taken(1)
    assert await pair.effects() == [1]


async def test_a_forged_event_and_a_forged_watermark_move_nothing_and_land_in_dead_letters(pair: Pair) -> None:
    async with running(pair.relay()):
        await pair.append(FIRST)
        async with running(pair.consumer()):
            await pair.until_taken(1)
            await until(lambda: t_is_set(pair))
    before = await pair.value("SELECT number FROM reader_watermark WHERE partition = 0")
    stranger, genuine = ServiceKey(Ed25519PrivateKey.generate()), (await pair.sent())[0]["canonical"]
    forged = events.encode(pair.source, pair.event(FIRST), sequence=2, previous=1, partition=0)
    mark = events.encode_notice(
        pair.source, f"{pair.source}.watermark.v1", events.watermark_data(pair.source, 0, FUTURE, 9), time=NOW
    )
    await pair.put(forged, partition=0, key=stranger)  # signed by nobody we know
    await pair.put(forged, partition=0, key=stranger, kid=pair.key.kid)  # in the name of one we know
    await pair.put(mark, partition=0, key=stranger, kid=pair.key.kid)
    await pair.put(genuine, partition=1)  # genuine, in a partition that is not its own
    await pair.put(genuine.replace(b'"data"', b' "data"'), partition=0)  # signed, but not as we write
    await pair.put(b"\xff" * 300_000, partition=0)
    await pair.kafka.publish([Message(f"{pair.source}.events", 0, None, b"", (("kid", b"\x00\xff"), ("\x00", b"")))])
    async with running(pair.consumer()):
        await until(lambda: dead_letters(pair, 7))
    assert await pair.effects() == [1]
    assert await pair.value("SELECT count(*) FROM inbox") == 1
    assert await pair.value("SELECT number FROM reader_watermark WHERE partition = 0") == before
    assert await pair.value("SELECT max(t) < $1 FROM reader_watermark", FUTURE)
    assert await pair.value("SELECT count(*) FROM reader_gap") == 0
    assert len(await published_dead_letters(pair)) == 7


async def test_a_gap_freezes_the_watermark_and_a_refill_thaws_it(pair: Pair) -> None:
    losing = pair.relay(kafka=Loses(pair.kafka, WATERMARKS, 2, 3))  # a watermark would tell of the gap as well
    async with running(losing, pair.consumer()):
        await pair.append(FIRST, FIRST, SECOND, FIRST)
        await pair.until_taken(2)
        await until(lambda: alarm(pair, "gap"))
        assert await pair.effects() == [1, 4]
        assert await frozen(pair)
    t = await t_of(pair, 0)
    async with running(pair.relay(), pair.consumer()):
        await until(lambda: t_is_set(pair, 1))
        assert await t_of(pair, 0) == t
        await refill(pair)
        await pair.until_taken(4)
        await until(lambda: moved(pair, t))
    assert await pair.effects() == [1, 4, 2, 3]
    assert not await frozen(pair)
    assert not await alarm(pair, "gap")


async def test_a_watermark_that_names_a_missing_event_opens_the_gap(pair: Pair) -> None:
    async with running(pair.relay(kafka=Loses(pair.kafka, 2)), pair.consumer()):
        await pair.append(FIRST, FIRST)
        await until(lambda: alarm(pair, "gap"))
    assert await frozen(pair)
    async with running(pair.relay(), pair.consumer()):
        await refill(pair)
        await pair.until_taken(2)
        await until(lambda: moved(pair, None))
    assert await pair.effects() == [1, 2]


async def test_a_refill_out_of_order_and_in_part_leaves_the_rest_missing(pair: Pair) -> None:
    async with running(pair.relay(kafka=Loses(pair.kafka, 2, 3, 4)), pair.consumer()):
        await pair.append(FIRST, FIRST, FIRST, FIRST, FIRST)
        await until(lambda: alarm(pair, "gap"))
        await pair.until_taken(2)
    rows = await pair.sent()
    async with running(pair.consumer()):
        await pair.replay(rows[2])
        await pair.until_taken(3)
        assert await gaps(pair) == [(1, 2), (3, 4)]
        await pair.replay(rows[3], rows[1])
        await pair.until_taken(5)
    assert await gaps(pair) == []


async def test_a_failing_event_parks_its_key_and_only_its_key(pair: Pair) -> None:
    async def handler(tx: Tx, event: Received) -> None:
        await pair.note(tx, event)
        if event.data.get("broken"):
            raise ValueError("no such procedure")

    async with running(pair.relay()):
        async with running(pair.consumer(handler)):
            await pair.append(FIRST)
            await pair.append(FIRST, broken=True)
            await pair.append(FIRST, SECOND, OTHER)
            await pair.until_taken(5)
        await pair.append(FIRST, SECOND)  # arrive together
        await pair.until_published(7)
        async with running(pair.consumer(handler)):
            await pair.until_taken(7)
            await until(lambda: t_is_set(pair, 1))
    assert sorted(await pair.effects()) == [1, 4, 5, 7]
    async with pair.into.read() as tx:
        rows = await tx.fetch("SELECT sequence, error, attempts, canonical FROM parked ORDER BY sequence")
    assert [(row["sequence"], row["error"], row["attempts"]) for row in rows] == [
        (2, "ValueError", 3),
        (3, None, 0),
        (6, None, 0),
    ]
    assert [row["canonical"] for row in rows] == [(await pair.sent())[n]["canonical"] for n in (1, 2, 5)]
    assert await frozen(pair)
    assert await pair.value("SELECT number FROM reader_watermark WHERE partition = 0") == 7
    assert await alarm(pair, "parked")


async def test_an_outage_parks_nothing_and_the_event_is_tried_until_it_succeeds(pair: Pair) -> None:
    tries: list[int] = []

    async def handler(tx: Tx, event: Received) -> None:
        tries.append(event.sequence)
        if len(tries) < 4:
            raise Unavailable
        await pair.note(tx, event)

    async with running(pair.relay(), pair.consumer(handler)):
        await pair.append(FIRST)
        await pair.until_taken(1)
    assert tries == [1, 1, 1, 1]
    assert await pair.effects() == [1]
    assert await pair.value("SELECT count(*) FROM parked") == 0


async def test_a_number_given_to_two_events_is_not_applied_and_freezes_the_partition(pair: Pair) -> None:
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST, FIRST)
        await pair.until_taken(2)
    again = events.encode(pair.source, pair.event(SECOND), sequence=2, previous=1, partition=0)
    behind = events.encode(pair.source, pair.event(SECOND), sequence=3, previous=2, partition=0)
    await pair.put(again, partition=0)
    await pair.put(behind, partition=0)
    async with running(pair.consumer()):
        await until(lambda: alarm(pair, "number_conflict"))
        await pair.until_taken(3)
    assert await pair.effects() == [1, 2]
    assert await frozen(pair)
    assert await pair.value("SELECT array_agg(error ORDER BY sequence) FROM parked") == ["number_conflict", None]


async def test_a_number_that_nobody_misses_is_not_applied(pair: Pair) -> None:
    """It lies between two of its partition that follow each other: it is another partition's, or nobody's."""
    for sequence, previous in ((1, 0), (3, 1), (2, 1)):
        event = pair.event(FIRST)
        await pair.put(
            events.encode(pair.source, event, sequence=sequence, previous=previous, partition=0), partition=0
        )
    async with running(pair.consumer()):
        await until(lambda: alarm(pair, "number_conflict"))
        await pair.until_taken(2)
    assert await pair.effects() == [1, 3]


async def test_a_number_given_again_on_another_partition_is_set_aside_and_holds_nobody_up(pair: Pair) -> None:
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await pair.until_taken(1)
    again = events.encode(pair.source, pair.event(OTHER), sequence=1, previous=0, partition=1)
    await pair.put(again, partition=1)
    async with running(pair.relay(), pair.consumer()):
        await until(lambda: alarm(pair, "number_conflict"))
        await pair.append(FIRST)
        await pair.until_taken(2)
    assert await pair.effects() == [1, 2]
    assert await pair.value("SELECT array_agg(error) FROM parked") == ["number_conflict"]


async def test_one_event_with_two_contents_is_not_taken_for_a_duplicate(pair: Pair) -> None:
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await pair.until_taken(1)
    first = (await pair.sent())[0]
    again = replace(pair.event(FIRST, other=True), id=first["event_id"])
    await pair.put(events.encode(pair.source, again, sequence=2, previous=1, partition=0), partition=0)
    async with running(pair.consumer()):
        await until(lambda: alarm(pair, "number_conflict"))
    assert await pair.effects() == [1]
    assert await frozen(pair)


async def test_a_watermark_never_passes_an_event_that_was_committed_before_it(pair: Pair) -> None:
    async with running(pair.relay(watermark_every=0.01), pair.consumer()):
        for n in range(15):
            async with pair.out.transaction() as held_open:
                await outbox.append(held_open, pair.event(FIRST))
                await asyncio.sleep(0.01 * (n % 4))
            async with pair.out.statement() as tx:
                committed: datetime = await tx.fetchval("SELECT clock_timestamp()")
            await until(lambda at=committed: reached(pair, at))
            assert len(await pair.effects()) == n + 1


async def test_types_without_a_handler_are_counted_and_a_star_receives_everything(pair: Pair) -> None:
    seen: list[int] = []

    async def everything(_: Tx, event: Received) -> None:
        seen.append(event.sequence)

    async with running(pair.relay(), pair.consumer(handlers={})):
        await pair.append(FIRST)
        await pair.until_taken(1)
    assert await pair.value("SELECT outcome FROM inbox") == "ignored"
    async with running(pair.relay(), pair.consumer(handlers={"*": everything})):
        await pair.append(FIRST)
        await pair.until_taken(2)
    assert seen == [2]


async def test_a_notice_reaches_its_handler_and_every_watermark_that_moves_its_hook(pair: Pair) -> None:
    sealed: list[Notice] = []
    marks: list[Watermark] = []

    async def on_sealed(_: Tx, notice: Notice) -> None:
        sealed.append(notice)

    async def on_watermark(_: Tx, mark: Watermark) -> None:
        marks.append(mark)

    relay = pair.relay()
    notices = {f"{pair.source}.sealed.v1": on_sealed}
    async with running(relay, pair.consumer(notices=notices, on_watermark=on_watermark)):
        await relay.announce(f"{pair.source}.sealed.v1", {"source": "reuse", "sequence": "7"})

        async def both() -> bool:
            return bool(sealed) and len({mark.partition for mark in marks}) == PARTITIONS

        await until(both)
        await pair.put(marks[0].canonical, partition=marks[0].partition)  # an old one, once more
        await pair.append(FIRST, OTHER)
        await pair.until_taken(2)
    assert sealed[0].data == {"source": "reuse", "sequence": "7"}
    for partition in range(PARTITIONS):
        times = [mark.t for mark in marks if mark.partition == partition]
        assert times == sorted(set(times))


async def published_dead_letters(pair: Pair) -> list[Any]:
    found: list[Any] = []
    async with pair.kafka.subscribe(f"{pair.reader}.look", [f"{pair.reader}.dead-letters"]) as subscription:
        while records := await subscription.poll(1):
            found += [record for some in records for record in some]
    return found
