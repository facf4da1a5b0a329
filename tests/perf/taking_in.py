"""Reuse as a reader: consent's events about new grants, verified, recorded in the inbox and applied."""

import json
import time
from pathlib import Path
from typing import Any

from services.reuse.consumer import HANDLERS
from shared import clock, events, ids
from shared.consumer import Consumer
from shared.db import Database
from shared.events import Event
from shared.kafka import Kafka, Record
from shared.keys import ServiceKey, Trust, jwks

COUNT = 2_000
_TOGETHER = 50  # as the consumer cuts what it has polled
_TYPE = "consent.granted.v1"
_DATA: dict[str, Any] = json.loads(Path(f"contracts/events/{_TYPE}.example.json").read_text("utf-8"))["data"]


class Grants:
    """Consent's partition 0, and reuse's reader of it."""

    def __init__(self, dsn: str, key: ServiceKey) -> None:
        self._dsn, self._key, self._last = dsn, key, 0

    async def taken_in(self) -> float:
        """Let new grants be published, then return grants a second from there into reuse's tables."""
        db = await Database.connect(self._dsn)
        async with db.read() as tx:
            self._last = await tx.fetchval("SELECT coalesce(max(sequence), 0) FROM inbox WHERE source = 'consent'")
        records = [self._granted() for _ in range(COUNT)]
        reader = Consumer(
            "reuse", db=db, kafka=Kafka(""), trust=Trust({"consent": jwks([self._key])}), sources=["consent"],
            handlers=HANDLERS,
        )  # fmt: skip
        try:
            started = time.perf_counter()
            for first in range(0, COUNT, _TOGETHER):
                await reader._take_some(records[first : first + _TOGETHER])
            return COUNT / (time.perf_counter() - started)
        finally:
            await db.close()

    def _granted(self) -> Record:
        subject_id, previous = str(ids.new()), self._last
        self._last += 1
        grant = _DATA["grant"] | {"grant_id": str(ids.new()), "subject_id": subject_id}
        event = Event(_TYPE, subject_id, _DATA | {"grant": grant}, clock.now())
        value = events.encode("consent", event, sequence=self._last, previous=previous, partition=0)
        headers = {"signature": self._key.sign(value), "kid": self._key.kid.encode()}
        return Record("consent.events", 0, previous, value, headers)
