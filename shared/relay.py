"""The relay: numbers what was committed, signs it, publishes it, and says how far it has come."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from opentelemetry.trace import SpanKind

from shared import alarms, clock, events, log, numbering, sole, spans, telemetry
from shared.db import Database
from shared.errors import Unavailable
from shared.events import Data
from shared.kafka import BrokerUnavailable, Headers, Kafka, Message, partition_for
from shared.keys import ServiceKey
from shared.measures import PUBLISHED

_POLL = 0.2  # the backstop; a commit in this process wakes the relay at once
_AGAIN = 0.5  # after an outage
_GATHER = 0.05  # seconds from round to round, so that under load one round publishes several
_QUIET = 1.0  # going idle is worth a watermark, but not more often than this


class Relay:
    """One service's relay. Every replica runs one; `sole` lets only one of them work at a time."""

    def __init__(
        self,
        source: str,
        *,
        dsn: str,
        db: Database,
        kafka: Kafka,
        key: ServiceKey,
        partitions: int,
        watermark_every: float = 60.0,
        batch: int = 1000,
    ) -> None:
        self._source, self._dsn, self._db, self._kafka = source, dsn, db, kafka
        self._sign = numbering.Signer(source, key, partitions)
        self._key, self._partitions, self._batch = key, partitions, batch
        self._told = {"messaging.system": "kafka", "messaging.destination.name": f"{source}.events"}
        self._watermark_every = watermark_every
        self._know_nothing()

    async def run(self) -> None:
        """Publish until cancelled. Whatever fails is tried again; nothing is skipped, reordered or sent altered."""
        while True:
            try:
                await sole.work_alone(self._dsn, "relay", self._relay)
            except Unavailable as outage:
                log.warning("relay_interrupted", source=self._source, code=outage.code)
            except Exception as error:  # noqa: BLE001 - a relay that ends would end all news of this service
                log.error("relay_interrupted", error, source=self._source)
            await asyncio.sleep(_AGAIN)

    async def announce(self, type_: str, data: Data) -> None:
        """Publish a signed message without a number, at once, from any replica. Raises BrokerUnavailable."""
        partition = partition_for(type_, self._partitions)
        await self._kafka.publish([self._notice(type_, data, partition, clock.now())])

    def _know_nothing(self) -> None:
        """Whoever worked until now may have stalled, and told nobody how far it had come."""
        self._watermark_at, self._news, self._stalled = float("-inf"), True, True

    async def _relay(self, session: sole.Session) -> None:
        log.info("relay_active", source=self._source)
        self._know_nothing()
        while True:
            self._db.outbox_committed.clear()
            again_at = time.monotonic() + _GATHER
            try:
                drained = await self._round(session)
            except BrokerUnavailable as outage:
                await self._stall(session, outage)
                continue
            if drained:
                await self._wait()
                await asyncio.sleep(again_at - time.monotonic())

    async def _round(self, session: sole.Session) -> bool:
        """Number, publish, mark one batch; return whether everything committed before the round is out."""
        async with session.transaction() as tx:
            # Read before the statement whose snapshot finds the rows: what was committed by then is among them.
            t: datetime = await tx.fetchval("SELECT clock_timestamp()")
            numbered = await self._sign.number(tx, self._batch)
        sent = await self._publish(session)
        drained = numbered < self._batch and sent < self._batch
        self._news = self._news or sent > 0
        if drained and self._watermark_due(sent):
            await self._send_watermarks(session, t)
        return drained

    async def _publish(self, session: sole.Session) -> int:
        async with session.transaction() as tx:
            rows = await numbering.unpublished(tx, self._batch)
        if not rows:
            return 0
        with spans.batch(f"publish to {self._source}.events", {"messaging.batch.message_count": len(rows)}):
            await self._publish_rows(session, rows)
        return len(rows)

    async def _publish_rows(self, session: sole.Session, rows: Sequence[numbering.Numbered]) -> None:
        causes = [row.traceparent for row in rows]
        with spans.each(f"publish {self._source}.events", SpanKind.PRODUCER, causes, self._told) as sent:
            messages = [self._message(row, telemetry.traceparent(span)) for row, span in zip(rows, sent, strict=True)]
            await self._send(session, messages)
        async with session.transaction() as tx:
            await numbering.mark_published(tx, rows)
        telemetry.count(PUBLISHED, {}, len(rows))
        log.info("events_published", source=self._source, events=len(rows), through_sequence=rows[-1].sequence)

    def _watermark_due(self, sent: int) -> bool:
        waited = time.monotonic() - self._watermark_at
        return waited >= self._watermark_every or (self._news and not sent and waited >= _QUIET)

    async def _send_watermarks(self, session: sole.Session, t: datetime) -> None:
        async with session.transaction() as tx:
            last = await numbering.last_numbers(tx)
        told = {p: events.watermark_data(self._source, p, t, last.get(p, 0)) for p in range(self._partitions)}
        type_ = f"{self._source}.watermark.v1"
        await self._send(session, [self._notice(type_, data, partition, t) for partition, data in told.items()])
        self._watermark_at, self._news = time.monotonic(), False

    async def _send(self, session: sole.Session, messages: list[Message]) -> None:
        await self._kafka.publish(messages)
        if self._stalled:
            async with session.transaction() as tx:
                await alarms.clear_alarm(tx, "relay_stalled", self._source)
            self._stalled = False

    async def _stall(self, session: sole.Session, outage: BrokerUnavailable) -> None:
        self._stalled = True
        async with session.transaction() as tx:
            await alarms.raise_alarm(tx, "relay_stalled", self._source, {"error": outage.detail})
        await asyncio.sleep(_AGAIN)

    async def _wait(self) -> None:
        due = self._watermark_at + self._watermark_every - time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(_POLL, due))):
                await self._db.outbox_committed.wait()

    def _message(self, n: numbering.Numbered, traceparent: str | None) -> Message:
        headers = _headers(n.signature, n.kid, traceparent)
        return Message(f"{self._source}.events", n.partition, n.key.encode(), n.canonical, headers)

    def _notice(self, type_: str, data: Data, partition: int, at: datetime) -> Message:
        value = events.encode_notice(self._source, type_, data, time=at)
        headers = _headers(self._key.sign(value), self._key.kid, None)
        return Message(f"{self._source}.events", partition, None, value, headers)


def _headers(signature: bytes, kid: str, traceparent: str | None) -> Headers:
    """What travels beside the signed bytes; the content type is that of the CloudEvents Kafka binding §3.3."""
    told = (("content-type", b"application/cloudevents+json"), ("signature", signature), ("kid", kid.encode()))
    return told if traceparent is None else (*told, ("traceparent", traceparent.encode()))
