"""How far events have come is shown as it is: older and more while nothing is published or sealed."""

from datetime import UTC, datetime

import pytest

from shared import alarms, gauges, outbox
from shared.db import DatabaseUnavailable
from shared.measures import ALARMS, LAG, OUTBOX_AGE, OUTBOX_WAITING, PARKED, UNSEALED_AGE, WATERMARK_AGE
from tests.shared.conftest import FIRST, SECOND, Pair, running, until
from tests.shared.reading import t_is_set
from tests.shared.recording import Recording

pytestmark = pytest.mark.stack
AGE = (datetime.now(UTC) - datetime(2025, 7, 1, 8, 30, tzinfo=UTC)).total_seconds()
"""Of the events of a pair; `time` is the use case's, long ago."""


async def test_what_is_not_published_waits_and_grows_older_and_then_is_only_unsealed(pair: Pair) -> None:
    recorded = Recording()
    service = recorded.of("source")
    await pair.append(FIRST, SECOND)
    await gauges.look(pair.out, service)
    assert recorded.points(OUTBOX_WAITING) == [({}, 2)]
    assert recorded.points(OUTBOX_AGE)[0][1] >= AGE - 1
    async with running(pair.relay()):
        await pair.until_published(2)
    await gauges.look(pair.out, service)
    assert recorded.points(OUTBOX_WAITING) == [({}, 0)]
    assert recorded.points(OUTBOX_AGE) == [({}, 0)]
    assert recorded.points(UNSEALED_AGE)[0][1] >= AGE - 1
    async with pair.out.transaction() as tx:
        await outbox.mark_sealed(tx, 2, now=datetime.now(UTC))
    await gauges.look(pair.out, service)
    assert recorded.points(UNSEALED_AGE) == [({}, 0)]


async def test_the_age_of_a_watermark_and_what_holds_now_are_shown(pair: Pair) -> None:
    recorded = Recording()
    async with running(pair.relay(), pair.consumer()):
        await pair.append(FIRST)
        await until(lambda: t_is_set(pair))
    async with pair.into.transaction() as tx:
        await alarms.raise_alarm(tx, "gap", "somewhere", {})
        await alarms.raise_alarm(tx, "gap", "elsewhere", {})
    await gauges.look(pair.into, recorded.of("reader"))
    ((labels, age),) = recorded.points(WATERMARK_AGE)
    assert labels == {"source": pair.source}
    assert 0 <= age < 60
    assert recorded.points(ALARMS) == [({"kind": "gap"}, 2)]
    assert recorded.points(PARKED) == [({}, 0)]


async def test_while_the_database_is_away_nothing_is_shown_for_old_news_would_look_good(pair: Pair) -> None:
    recorded = Recording()
    service = recorded.of("source")
    await gauges.look(pair.out, service)
    assert recorded.points(OUTBOX_WAITING) == [({}, 0)]
    await pair.out.close()
    with pytest.raises(DatabaseUnavailable):
        await gauges.look(pair.out, service)
    for gauge in (OUTBOX_WAITING, OUTBOX_AGE, UNSEALED_AGE, WATERMARK_AGE, PARKED, ALARMS):
        assert recorded.points(gauge) == []


async def test_what_a_reader_is_behind_is_shown_while_it_reads_and_watermarks_leave_no_trace(pair: Pair) -> None:
    recorded = Recording()
    with recorded.of("reader").current():
        async with running(pair.relay(), pair.consumer()):
            await until(lambda: t_is_set(pair))
            await until(lambda: shows_lag(recorded, pair))
    assert recorded.points(LAG) == []
    assert not recorded.spans.get_finished_spans()


async def shows_lag(recorded: Recording, pair: Pair) -> bool:
    return [labels for labels, _ in recorded.points(LAG)] == [{"topic": f"{pair.source}.events"}]
