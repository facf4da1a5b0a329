"""Measures how far this database's clock is from that of consent's, by a bracketed call (architecture §6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from services.reuse.clients.consent import ConsentClient
from services.reuse.store import clocks
from shared import alarms
from shared.db import Database
from shared.errors import Unavailable

_TRIES = 3


class TooSlowToCompare(Unavailable):
    """Consent's clock came back so late that it may be within the bound as well as beyond."""

    code = "too_slow_to_compare"


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


async def compare(db: Database, consent: ConsentClient, skew: timedelta) -> None:
    """Compare the clocks and store the verdict; raises an alarm beyond the skew.

    Raises Unavailable without an answer, and with one that proves nothing: on a busy machine a call takes longer than
    the skew. The last verdict stands then, as long as it is recent enough to be relied on.
    """
    best = min([await _bracket(db, consent) for _ in range(_TRIES)], key=lambda m: m.uncertainty)
    within = best.is_within(skew)
    if not within and not best.is_beyond(skew):
        raise TooSlowToCompare
    async with db.transaction() as tx:
        await clocks.keep_measurement(tx, offset=best.offset, within=within)
        if within:
            await alarms.clear_alarm(tx, "clock_skew", "consent")
        else:
            await alarms.raise_alarm(tx, "clock_skew", "consent", best.in_milliseconds())


async def _bracket(db: Database, consent: ConsentClient) -> Measurement:
    before = await _read_clock(db)
    theirs = await consent.ask_clock()
    return measure(before, theirs, await _read_clock(db))


async def _read_clock(db: Database) -> datetime:
    async with db.statement() as tx:
        return await clocks.read_clock(tx)
