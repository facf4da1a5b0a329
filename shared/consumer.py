"""Reads other services' events: signature first, then effect and inbox row in one transaction, then the offset."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from shared import arrival, diverted, inbox, log, spans, telemetry
from shared.arrival import Arrived
from shared.db import Database, Tx
from shared.diverted import Limits, TooMuchDiverted
from shared.errors import Unavailable
from shared.events import Malformed, Notice, Received, Watermark
from shared.inbox import Failure, Handler, Intake
from shared.kafka import Kafka, Message, NoPartitionLeft, Record, Subscription
from shared.keys import Forged, Trust
from shared.measures import LAG, TAKEN
from shared.progress import Place
from shared.stops import Stops, place

NoticeHandler = Callable[[Tx, Notice], Awaitable[None]]
WatermarkHook = Callable[[Tx, Watermark], Awaitable[None]]

_TRIES = 3  # of an event whose handler fails; an outage is not counted, it is waited for
_STAND_BY = 2.0  # until the next look for a partition that has no reader
_TOGETHER = 50  # records of a partition taken in by one commit
_GATHER = 0.1  # seconds for more to come after a few, so that under load one transaction takes in several


class _Stopped(Exception):
    """Behind this record a reader goes no further: it would set aside too much."""

    def __init__(self, at: Record, reason: str) -> None:
        super().__init__(reason)
        self.at = at


class Consumer:
    """One service as a reader; its name is its group. Replicas share the partitions among them."""

    def __init__(
        self,
        reader: str,
        *,
        db: Database,
        kafka: Kafka,
        trust: Trust,
        sources: Sequence[str],
        handlers: Mapping[str, Handler],
        notices: Mapping[str, NoticeHandler] | None = None,
        on_watermark: WatermarkHook | None = None,
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        pause: float = 30.0,
    ) -> None:
        """Read `<source>.events` of each source.

        `handlers` maps an event type to what is done with it; '*' receives every type that has none of its own.
        `notices` are for messages without a number, `on_watermark` for each watermark that moved T. A consumer that
        has stopped looks every `pause` seconds whether it can go on.
        """
        self._reader, self._db, self._kafka, self._trust = reader, db, kafka, trust
        self._sources = {f"{source}.events": source for source in sources}
        self._handlers, self._notices, self._on_watermark = handlers, notices or {}, on_watermark
        self._limits, self._pause = limits, pause
        self._stops = Stops(db)

    async def run(self) -> None:
        """Read until cancelled. An outage is waited for; too much diverted stops everything, with an alarm."""
        while True:
            try:
                async with self._kafka.subscribe(self._reader, list(self._sources)) as subscription:
                    await self._read_on(subscription)
            except _Stopped as stop:
                await self._stop(stop)
            except NoPartitionLeft:
                log.info("consumer_stands_by", reader=self._reader)
                await asyncio.sleep(_STAND_BY)
            except Unavailable as outage:
                log.warning("consumer_interrupted", reader=self._reader, code=outage.code)
                await asyncio.sleep(1)
            except Exception as error:  # noqa: BLE001 - a consumer that ends would be deaf for ever
                log.error("consumer_interrupted", error, reader=self._reader)
                await asyncio.sleep(1)

    async def _read_on(self, subscription: Subscription) -> None:
        self._stops.begin()
        try:
            while True:
                await self._read(subscription)
                _show_lag(subscription.lag)
                await self._stops.look_back()
        finally:
            _show_lag({})  # it is another member's now, or nobody knows it

    async def _read(self, subscription: Subscription) -> None:
        found = await subscription.poll(0.5)
        await self._take_in(subscription, found)
        if 0 < sum(map(len, found)) < _TOGETHER:
            await asyncio.sleep(_GATHER)

    async def _take_in(self, subscription: Subscription, found: Sequence[Sequence[Record]]) -> None:
        for records in found:
            for start in range(0, len(records), _TOGETHER):
                some = records[start : start + _TOGETHER]
                try:
                    await self._take_some(some)
                except Unavailable as error:
                    log.warning("events_postponed", reader=self._reader, topic=some[0].topic, code=error.code)
                    await self._stops.wait(some[0], error.code)
                    subscription.again(some[0], 1.0)
                    break
                except TooMuchDiverted as reason:
                    raise _Stopped(some[-1], str(reason)) from None
                subscription.done(some[-1])
                self._stops.pass_by(some[-1])

    async def _take_some(self, records: Sequence[Record]) -> None:
        """Take in all in one transaction; if one of them is the matter, each in its own, so that it stands alone."""
        if len(records) > 1:
            try:
                await self._take_together([(record, self._arrived(record)) for record in records])
                return
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whichever it was is found, and judged, below
                log.info("batch_split", reader=self._reader, exception=type(error).__name__)
        for record in records:
            await self._take_alone(record)

    async def _take_alone(self, record: Record) -> None:
        try:
            arrived = self._arrived(record)
        except (Forged, Malformed) as error:
            await self._bury(record, str(error)[:200])
            return
        failure = await self._try(record, arrived)
        if failure is None:
            return
        if not isinstance(arrived, Received):  # has no number to keep: the next of its kind says it again
            return
        async with self._db.transaction() as tx:
            async with inbox.intake(tx, arrived.source, arrived.partition, [arrived]) as intake:
                await intake.take(arrived, None, traceparent=arrival.traceparent(record), failed=failure)
            await diverted.check_parked(tx, self._limits)

    async def _try(self, record: Record, arrived: Arrived) -> Failure | None:
        """Take it in, or say after some tries why that cannot be done. Raises Unavailable, TooMuchDiverted."""
        error = ""
        for attempt in range(_TRIES):
            try:
                await self._take_together([(record, arrived)])
                return None
            except (Unavailable, TooMuchDiverted):
                raise
            except Exception as failed:  # noqa: BLE001 - whatever a handler raises: its event is parked, not lost
                log.error("event_failed", failed, reader=self._reader, topic=record.topic, offset=record.offset)
                error = type(failed).__name__
                await asyncio.sleep(0.05 * 2**attempt)
        return Failure(error, _TRIES)

    async def _take_together(self, batch: Sequence[tuple[Record, Arrived]]) -> None:
        """Take in records of one partition, in order, in one transaction."""
        events = [arrived for _, arrived in batch if isinstance(arrived, Received)]
        source, partition = batch[0][1].source, batch[0][0].partition
        with _taking(batch) as taking:
            async with self._db.transaction() as tx:
                async with inbox.intake(tx, source, partition, events) as intake:
                    outcomes = [await self._take(tx, intake, *one) for one in taking]
                if "parked" in outcomes or "conflict" in outcomes:
                    await diverted.check_parked(tx, self._limits)
            for (span, _, arrived), outcome in zip(taking, outcomes, strict=True):
                if isinstance(arrived, Received):
                    self._tell(span, arrived, outcome)

    def _tell(self, span: Span, taken: Received, outcome: str) -> None:
        told = {"source": taken.source, "type": taken.type, "sequence": taken.sequence, "outcome": outcome}
        telemetry.count(TAKEN, {"source": taken.source, "outcome": outcome})
        span.set_attributes({f"motlan.event.{name}": value for name, value in told.items()})
        with spans.within(span):
            log.info("event_taken", reader=self._reader, **told)

    async def _take(self, tx: Tx, intake: Intake, span: Span, record: Record, arrived: Arrived) -> str:
        """Take in one of them; what it causes belongs to the trace of what caused it."""
        with spans.within(span):
            match arrived:
                case Received():
                    handler = self._handlers.get(arrived.type, self._handlers.get("*"))
                    return await intake.take(arrived, handler, traceparent=arrival.traceparent(record))
                case Watermark():
                    if await intake.note(arrived) and self._on_watermark:
                        await self._on_watermark(tx, arrived)
                case Notice():
                    if handler := self._notices.get(arrived.type):
                        await handler(tx, arrived)
        return "noted"

    def _arrived(self, record: Record) -> Arrived:
        return arrival.read(record, self._sources[record.topic], self._trust)

    async def _bury(self, record: Record, reason: str) -> None:
        async with self._db.transaction() as tx:
            kept = await diverted.bury(tx, record, reason, self._limits)
        origin = f"{record.topic}/{record.partition}/{record.offset}".encode()
        headers = (*kept.headers.items(), ("dead-letter-of", origin), ("reason", reason.encode()))
        await self._kafka.publish([Message(f"{self._reader}.dead-letters", 0, None, kept.value, headers)])

    async def _stop(self, stop: _Stopped) -> None:
        log.error("consumer_stopped", reader=self._reader, place=place(stop.at), reason=str(stop))
        try:
            await self._stops.tell(stop.at, str(stop))
        except Unavailable as error:
            log.error("alarm_not_stored", error, reader=self._reader)
        await asyncio.sleep(self._pause)


def _show_lag(lags: Mapping[Place, int]) -> None:
    if found := telemetry.current():
        topics: dict[str, int] = {}
        for (topic, _), lag in lags.items():
            topics[topic] = topics.get(topic, 0) + lag
        found.show(LAG, *((lag, {"topic": topic}) for topic, lag in topics.items()))


@contextmanager
def _taking(batch: Sequence[tuple[Record, Arrived]]) -> Generator[list[tuple[Span, Record, Arrived]]]:
    """Span what is taken in by one transaction: as a whole, and each event in the trace of what caused it."""
    if not any(isinstance(arrived, Received) for _, arrived in batch):  # watermarks, several a second
        yield [(INVALID_SPAN, record, arrived) for record, arrived in batch]
        return
    topic, partition = batch[0][0].topic, batch[0][0].partition
    told = {
        "messaging.system": "kafka", "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition),
    }  # fmt: skip
    causes = [arrival.traceparent(record) for record, _ in batch]
    with (
        spans.batch(f"take in {topic}", {**told, "messaging.batch.message_count": len(batch)}),
        spans.each(f"process {topic}", SpanKind.CONSUMER, causes, told) as each,
    ):
        yield [(span, record, arrived) for span, (record, arrived) in zip(each, batch, strict=True)]
