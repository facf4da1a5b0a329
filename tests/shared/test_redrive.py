"""What was set aside is taken up in order, once its cause is mended; what is still wrong stays where it is."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import events, redrive
from shared.db import Tx
from shared.events import Received
from shared.inbox import Handler
from shared.keys import ServiceKey, Trust, jwks
from shared.redrive import Replayed
from tests.shared.conftest import FIRST, OTHER, SECOND, Pair, running, until
from tests.shared.reading import alarm, frozen, moved, t_of

pytestmark = pytest.mark.stack


def fails_at(pair: Pair, *numbers: int) -> Handler:
    """Make a handler that cannot apply the events with these numbers."""

    async def handler(tx: Tx, event: Received) -> None:
        if event.sequence in numbers:
            raise ValueError
        await pair.note(tx, event)

    return handler


async def replay(pair: Pair, key: str, handler: Handler | None = None) -> Replayed:
    handlers = {f"{pair.source}.happened.v1": handler or pair.note}
    return await redrive.replay_key(pair.into, pair.source, key, handlers=handlers)


async def dead_events(pair: Pair, count: int) -> bool:
    """Say whether so many events are dead letters; watermarks signed by the new key are too."""
    return count == await pair.value(
        "SELECT count(*) FROM dead_letter WHERE position('.happened.'::bytea IN value) > 0"
    )


async def park(pair: Pair) -> None:
    """Let 2 fail, and 3 and 5 wait behind it; 1 and 4 are of other keys."""
    async with running(pair.relay(), pair.consumer(fails_at(pair, 2))):
        await pair.append(SECOND, FIRST, FIRST, OTHER, FIRST)
        await pair.until_taken(5)


async def test_parked_events_are_applied_in_the_order_of_their_numbers_and_the_watermark_thaws(pair: Pair) -> None:
    await park(pair)
    async with pair.into.read() as tx:
        [waiting] = await redrive.parked_keys(tx)
    assert (waiting.key, waiting.events, waiting.first, waiting.last) == (FIRST, 3, 2, 5)
    assert waiting.error == "ValueError"
    assert await replay(pair, FIRST) == Replayed(3, 0, None)
    assert await pair.effects(FIRST) == [2, 3, 5]
    assert not await frozen(pair)
    assert not await alarm(pair, "parked")
    before = await t_of(pair, 0)
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await pair.until_taken(6)
        await until(lambda: moved(pair, before))
    assert await pair.effects(FIRST) == [2, 3, 5, 6]


async def test_a_replay_stops_at_an_event_that_fails_again_and_nothing_behind_it_overtakes(pair: Pair) -> None:
    await park(pair)
    assert await replay(pair, FIRST, fails_at(pair, 3)) == Replayed(1, 2, "ValueError")
    assert await pair.effects(FIRST) == [2]
    assert await frozen(pair)
    assert await alarm(pair, "parked")
    assert await pair.value("SELECT attempts FROM parked WHERE sequence = 3") == 1
    assert await replay(pair, FIRST) == Replayed(2, 0, None)
    assert await pair.effects(FIRST) == [2, 3, 5]


async def test_a_replay_that_is_repeated_and_a_redelivery_after_it_apply_nothing_twice(pair: Pair) -> None:
    await park(pair)
    await replay(pair, FIRST)
    assert await replay(pair, FIRST) == Replayed(0, 0, None)
    await pair.replay(*await pair.sent())
    async with running(pair.relay(), pair.consumer()):
        await pair.append(OTHER)
        await pair.until_taken(6)
    assert sorted(await pair.effects()) == [1, 2, 3, 4, 5, 6]


async def test_an_event_whose_number_is_anothers_is_never_replayed(pair: Pair) -> None:
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await pair.until_taken(1)
    await pair.put(events.encode(pair.source, pair.event(FIRST), sequence=1, previous=0, partition=0), partition=0)
    async with running(pair.consumer()):
        await until(lambda: alarm(pair, "number_conflict"))
    assert await replay(pair, FIRST) == Replayed(0, 1, "NumberConflict")
    assert await pair.effects() == [1]


async def test_dead_letters_of_a_key_that_came_late_are_taken_in_and_a_forgery_stays(pair: Pair) -> None:
    new, stranger = ServiceKey(Ed25519PrivateKey.generate()), ServiceKey(Ed25519PrivateKey.generate())
    async with running(pair.relay(key=new)):
        await pair.append(FIRST, OTHER, FIRST)
        await pair.until_published(3)
    forged = events.encode(pair.source, pair.event(FIRST), sequence=4, previous=3, partition=0)
    await pair.put(forged, partition=0, key=stranger)
    async with running(pair.consumer()):
        await until(lambda: dead_events(pair, 4))
    trust = Trust({pair.source: jwks([pair.key, new])})
    handlers = {f"{pair.source}.happened.v1": pair.note}
    done = await redrive.replay_dead_letters(pair.into, sources=[pair.source], trust=trust, handlers=handlers)
    assert (done.left, done.error) == (1, "Forged")
    assert await pair.effects(FIRST) == [1, 3]
    assert await pair.effects(OTHER) == [2]
    assert await alarm(pair, "dead_letter")
    async with pair.into.transaction() as tx:
        assert await redrive.drop_dead_letters(tx, f"{pair.source}.events") == 1
    assert not await alarm(pair, "dead_letter")
