"""A reader that would set aside too much stops with an alarm, which is over when somebody has read past it."""

import pytest

from shared import alarms, stops
from shared.db import DatabaseUnavailable, Tx
from shared.diverted import Limits
from shared.events import Received
from tests.shared.conftest import FIRST, OTHER, Pair, running, until
from tests.shared.reading import alarm, no_alarm

pytestmark = pytest.mark.stack


async def test_too_many_failures_stop_the_consumer_and_it_goes_on_once_they_are_gone(pair: Pair) -> None:
    broken = True

    async def handler(tx: Tx, event: Received) -> None:
        if broken:
            raise ValueError
        await pair.note(tx, event)

    async with running(pair.relay(), pair.consumer(handler, limits=Limits(failed_per_minute=2))):
        await pair.append(*(f"key{n}" for n in range(6)))
        await until(lambda: alarm(pair, "consumer_stopped"))
        assert await pair.value("SELECT count(*) FROM parked") == 2
        broken = False
        await pair.until_taken(6)
        await until(lambda: no_alarm(pair, "consumer_stopped"))
    assert len(await pair.effects()) == 4


async def test_a_stop_is_over_when_another_member_has_read_past_it(pair: Pair) -> None:
    """Who stopped comes back and finds no place; who has his clears what he had raised, and none does it before."""

    async def breaks(tx: Tx, event: Received) -> None:
        raise ValueError

    stopping = pair.consumer(breaks, limits=Limits(failed_per_minute=2), pause=5.0)
    async with running(pair.relay(), stopping):
        await pair.append(*(f"key{n}" for n in range(6)))
        await until(lambda: alarm(pair, "consumer_stopped"))
        async with running(pair.consumer(), pair.consumer()):
            await pair.until_taken(6)
            await until(lambda: no_alarm(pair, "consumer_stopped"))


async def test_who_waits_long_for_an_outage_at_one_event_says_so_until_it_is_past(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stops, "LONG", 0.5)
    out = True

    async def handler(tx: Tx, event: Received) -> None:
        if out:
            raise DatabaseUnavailable
        await pair.note(tx, event)

    async with running(pair.relay(), pair.consumer(handler)):
        await pair.append(FIRST)
        await until(lambda: alarm(pair, "consumer_stopped"))
        told = await pair.value("SELECT detail FROM alarm WHERE kind = 'consumer_stopped'")
        assert told == {"reason": "database_unavailable", "offset": 0}
        out = False
        await until(lambda: no_alarm(pair, "consumer_stopped"))
    assert len(await pair.effects()) == 1


async def test_a_member_that_reads_elsewhere_leaves_a_stop_alone(pair: Pair) -> None:
    async with pair.into.transaction() as tx:
        await alarms.raise_alarm(tx, "consumer_stopped", f"{pair.source}.events/0", {"offset": 10**6})
        await alarms.raise_alarm(tx, "consumer_stopped", pair.reader, {"reason": "as the release before wrote it"})
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST, OTHER)
        await pair.until_taken(2)
        await until(lambda: stops_are(pair, [f"{pair.source}.events/0"]))


async def stops_are(pair: Pair, keys: list[str]) -> bool:
    return await pair.value("SELECT array_agg(key) FROM alarm WHERE kind = 'consumer_stopped'") == keys
