"""While a partition is frozen no watermark moves its T, whatever the watermark says (§5)."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import inbox
from shared.events import Received, Watermark
from shared.ids import new
from tests.shared.conftest import NOW, Pair

pytestmark = pytest.mark.stack

LATER = datetime(2025, 7, 1, 9, tzinfo=UTC)


def mark(source: str, last: int, *, t: datetime = LATER) -> Watermark:
    """Make a watermark that vouches for everything up to `last`."""
    return Watermark(source=source, partition=0, t=t, last=last, canonical=b"{}", signature=b"", kid="k")


def event(source: str, sequence: int) -> Received:
    """Make the first event of a partition."""
    return Received(
        source=source, type=f"{source}.happened.v1", id=new(), key="k", time=NOW, sequence=sequence, previous=0,
        partition=0, data={}, canonical=b"{}", signature=b"", kid="k",
    )  # fmt: skip


async def test_no_watermark_moves_t_past_a_parked_event(pair: Pair) -> None:
    parked = event(pair.source, 1)
    async with pair.into.transaction() as tx, inbox.intake(tx, pair.source, 0, [parked]) as intake:
        assert await intake.take(parked, pair.note, failed=inbox.Failure("KeyError", 3)) == "parked"
        assert not await intake.note(mark(pair.source, 1))
    assert await pair.value("SELECT t FROM reader_watermark WHERE source = $1", pair.source) is None


async def test_no_watermark_moves_t_past_a_gap_and_one_does_when_nothing_is_missing(pair: Pair) -> None:
    taken = event(pair.source, 1)
    async with pair.into.transaction() as tx, inbox.intake(tx, pair.source, 0, [taken]) as intake:
        await intake.take(taken, pair.note)
        assert await intake.note(mark(pair.source, 1))
        before = await tx.fetchval("SELECT t FROM reader_watermark WHERE source = $1", pair.source)
    async with pair.into.transaction() as tx, inbox.intake(tx, pair.source, 0, []) as intake:
        assert not await intake.note(mark(pair.source, 9, t=LATER + timedelta(seconds=1)))
    assert before == LATER
    assert await pair.value("SELECT t FROM reader_watermark WHERE source = $1", pair.source) == before
