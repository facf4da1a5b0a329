"""Measures how far this database's clock is from that of consent's, by a bracketed call (architecture §6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from services.reuse.clients.consent import ConsentClient
from services.reuse.store import clocks
from shared import alarms
from shared.db import Database

_TRIES = 3


@dataclass(frozen=True)
class Measurement:
    """Consent's clock minus ours; the truth lies within `uncertainty` of it."""

    offset: timedelta
    uncertainty: timedelta

    def is_within(self, skew: timedelta) -> bool:
        """Say whether the clocks surely differ by no more than `skew`."""
        return abs(self.offset) + self.uncertainty <= skew

    def is_beyond(self, skew: timedelta) -> bool:
        """Say whether the clocks surely differ by more."""
        return abs(self.offset) - self.uncertainty > skew

    def in_milliseconds(self) -> dict[str, JsonValue]:
        """Write it for an alarm."""
        ms = timedelta(milliseconds=1)
        return {"offset_ms": round(self.offset / ms, 3), "uncertainty_ms": round(self.uncertainty / ms, 3)}


def measure(before: datetime, theirs: datetime, after: datetime) -> Measurement:
    """Place consent's reading in the middle of the bracket; half the bracket is what cannot be known."""
    half = (after - before) / 2
    return Measurement(theirs - (before + half), half)


async def compare(db: Database, consent: ConsentClient, skew: timedelta) -> bool:
    """Compare the clocks and store the verdict, with an alarm beyond the skew. Raises Unavailable without an answer.

    Returns False when the answer proves nothing: on a busy machine the calls take longer than the skew. That is an
    alarm too, but the last verdict stands, as long as it is recent enough to be relied on.
    """
    best = min([await _bracket(db, consent) for _ in range(_TRIES)], key=lambda m: m.uncertainty)
    within, beyond = best.is_within(skew), best.is_beyond(skew)
    async with db.transaction() as tx:
        if within or beyond:
            await clocks.keep_measurement(tx, offset=best.offset, within=within)
            await alarms.clear_alarm(tx, "clocks_not_compared", "consent")
        else:
            await alarms.raise_alarm(tx, "clocks_not_compared", "consent", best.in_milliseconds())
        if within:
            await alarms.clear_alarm(tx, "clock_skew", "consent")
        if beyond:
            await alarms.raise_alarm(tx, "clock_skew", "consent", best.in_milliseconds())
    return within or beyond


async def _bracket(db: Database, consent: ConsentClient) -> Measurement:
    before = await _read_clock(db)
    theirs = await consent.ask_clock()
    return measure(before, theirs, await _read_clock(db))


async def _read_clock(db: Database) -> datetime:
    async with db.statement() as tx:
        return await clocks.read_clock(tx)
