"""Alarms of a reader that does not go on: raised where it stops or waits for long, cleared by whoever reads past."""

import asyncio
from contextlib import suppress

from shared import alarms
from shared.alarms import Alarm
from shared.db import Database
from shared.errors import Unavailable
from shared.kafka import Record

_LOOK_BACK = 3.0  # seconds between two looks whether a stop lies behind
LONG = 60.0
"""Seconds after which one that waits for an outage is told of: it may wait for what never ends."""


class Stops:
    """What one member of a group has told of its own stops, and how far it has read."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._passed: dict[str, int] = {}  # per partition the last offset that was done with
        self._waiting: dict[str, tuple[int, float]] = {}  # per partition for what record, and since when
        self._looked_back_at = 0.0

    def begin(self) -> None:
        """Know nothing: offsets begin anew where a topic was made anew, and partitions may be others."""
        self._passed.clear()
        self._waiting.clear()

    def pass_by(self, record: Record) -> None:
        """Note that everything of its partition up to this record is done with."""
        self._passed[place(record)] = record.offset
        self._waiting.pop(place(record), None)

    async def wait(self, record: Record, code: str) -> None:
        """Note that this record and those with it have to be tried again, because of an outage.

        After long enough it is an alarm.
        """
        now = asyncio.get_running_loop().time()
        offset, since = self._waiting.get(place(record), (-1, now))
        if offset != record.offset:
            since = now
        self._waiting[place(record)] = record.offset, since
        if now - since >= LONG:
            with suppress(Unavailable):
                await self.tell(record, code)

    async def tell(self, record: Record, reason: str) -> None:
        """Raise the alarm that reading does not get past this record. Raises Unavailable."""
        async with self._db.transaction() as tx:
            told = {"reason": reason, "offset": record.offset}
            await alarms.raise_alarm(tx, "consumer_stopped", place(record), told)

    async def look_back(self) -> None:
        """Clear the alarms of stops that lie behind us, whichever member of the group had stopped there."""
        now = asyncio.get_running_loop().time()
        if now < self._looked_back_at + _LOOK_BACK:
            return
        self._looked_back_at = now
        with suppress(Unavailable):
            async with self._db.transaction() as tx:
                for alarm in await alarms.raised(tx):
                    if alarm.kind == "consumer_stopped" and self._is_behind(alarm):
                        await alarms.clear_alarm(tx, alarm.kind, alarm.key)

    def _is_behind(self, stop: Alarm) -> bool:
        offset = stop.detail.get("offset")
        if not isinstance(offset, int):  # of the release before, under the reader's name: raised again if it holds
            return True
        return self._passed.get(stop.key, -1) >= offset


def place(record: Record) -> str:
    """Name a record's topic and partition."""
    return f"{record.topic}/{record.partition}"
