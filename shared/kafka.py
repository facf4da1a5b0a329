"""The only module that knows aiokafka: what is sent is acknowledged or an error, what is read is committed by hand."""
# aiokafka ships no types; what we take from it here is what its documentation says.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import ssl
from collections.abc import AsyncGenerator, Coroutine, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.partitioner import murmur2

from shared import log
from shared.errors import Unavailable
from shared.progress import STUCK_AFTER, Place, Progress

Headers = tuple[tuple[str, bytes], ...]


class BrokerUnavailable(Unavailable):
    """The broker did not acknowledge in time. What was sent may still arrive: send the same bytes again."""

    code = "broker_unavailable"


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the broker. The password travels within TLS only, to whom an authority of `ca_file` vouches for."""

    username: str
    password: str = field(repr=False)
    ca_file: Path

    def options(self) -> dict[str, Any]:
        """Say it to aiokafka's clients."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "ssl_context": ssl.create_default_context(cafile=self.ca_file),
        }


class NoPartitionLeft(BrokerUnavailable):
    """The group has a member for each partition: one more would sit idle, and with aiokafka stay so (issue 1187)."""

    code = "no_partition_left"


_LOOK_EVERY = 10.0  # seconds between two looks at how far we are behind
_COMMIT_EVERY = 1.0  # seconds between two commits of offsets: each is a write on every broker


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent, to a partition the sender has chosen."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What was read, and where it lies."""

    topic: str
    partition: int
    offset: int
    value: bytes
    headers: Mapping[str, bytes]


def partition_for(key: str, partitions: int) -> int:
    """Return the partition of a key as Kafka's Java client chooses it, so that any client agrees."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


class Kafka:
    """One service's way to the broker. Nothing is connected before it is needed."""

    def __init__(self, bootstrap: str, *, timeout: float = 10.0, login: Login | None = None) -> None:
        self._bootstrap, self._timeout = bootstrap, timeout
        self._login = login.options() if login else {}
        self._producer: AIOKafkaProducer | None = None
        self._opening = asyncio.Lock()
        self._endings: set[asyncio.Task[None]] = set()

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return once all replicas in sync have acknowledged every message; in order per partition.

        Raises BrokerUnavailable after at most `timeout` seconds: then any of them may have arrived, or arrive late.
        """
        sent: list[asyncio.Future[object]] = []
        try:
            with _failures():
                async with asyncio.timeout(self._timeout):
                    producer = await self._connected()
                    for m in messages:
                        sent.append(await producer.send(m.topic, m.value, m.key, m.partition, headers=list(m.headers)))
                    await asyncio.gather(*sent)
        except BrokerUnavailable:
            await self._abandon(sent)
            raise

    async def close(self) -> None:
        """Let go of the broker; whatever was not acknowledged is the caller's to send again."""
        await self._abandon([])

    @asynccontextmanager
    async def subscribe(self, group: str, topics: Sequence[str]) -> AsyncGenerator["Subscription"]:
        """Read topics as a member of a group, from where its last commit stands, or from their beginning.

        Raises BrokerUnavailable, here and in whatever the subscription does; NoPartitionLeft where it would be idle.
        """
        await self._check_room(group, topics)
        consumer = AIOKafkaConsumer(
            *topics,
            bootstrap_servers=self._bootstrap,
            **self._login,
            group_id=group,
            enable_auto_commit=False,  # the default would commit what has not been taken in yet
            auto_offset_reset="earliest",  # the default would skip what came before us
            isolation_level="read_uncommitted",  # we use no transactions; somebody's open one must not hold us up
            session_timeout_ms=10_000,
            rebalance_timeout_ms=10_000,
            request_timeout_ms=15_000,  # a join is answered when all have joined or the dead are counted out: 10 s
            retry_backoff_ms=100,
            max_poll_interval_ms=300_000,
        )
        subscription = Subscription(consumer)
        try:
            with _failures():
                async with asyncio.timeout(self._timeout * 2):
                    await consumer.start()
            yield subscription
        finally:
            try:
                with suppress(BrokerUnavailable, TimeoutError):
                    async with asyncio.timeout(2):
                        await subscription.commit()
            finally:  # a member that is not stopped keeps its partitions from the others for five minutes
                await self._let_go(consumer)

    async def _let_go(self, consumer: AIOKafkaConsumer) -> None:
        """Wait a while for a consumer to leave; on a frozen broker it goes on doing so by itself.

        In a task of its own: `stop()` cancels the client's tasks and awaits them, and so may raise CancelledError.
        """
        ending = asyncio.create_task(_end(consumer.stop(), within=30))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        await asyncio.wait([ending], timeout=5)

    async def _check_room(self, group: str, topics: Sequence[str]) -> None:
        """Raise NoPartitionLeft when the group has as many members as its topics have partitions."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, **self._login, request_timeout_ms=5000)
        with _failures():
            async with asyncio.timeout(self._timeout):
                try:
                    await admin.start()
                    told = await admin.describe_topics(list(topics))
                    (answer,) = await admin.describe_consumer_groups([group])
                finally:
                    await admin.close()
        members = len(answer.to_object()["groups"][0]["members"])
        partitions = sum(len(topic["partitions"]) for topic in told)
        if members >= partitions > 0:
            raise NoPartitionLeft(f"{members} members, {partitions} partitions")

    async def _connected(self) -> AIOKafkaProducer:
        async with self._opening:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    **self._login,
                    enable_idempotence=True,
                    acks="all",
                    request_timeout_ms=5000,
                    max_batch_size=128 * 1024,
                )
                try:
                    await producer.start()
                except BaseException:
                    await _drop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def _abandon(self, sent: Sequence["asyncio.Future[object]"]) -> None:
        for future in sent:
            future.cancel()
        producer, self._producer = self._producer, None
        if producer is not None:
            await _drop(producer)


class Subscription:
    """An open place in a reader group. Made only by `Kafka.subscribe`."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._paused: dict[TopicPartition, float] = {}
        self._done: dict[TopicPartition, int] = {}
        self._committed_at = asyncio.get_running_loop().time()
        self._progress = Progress(self._committed_at)

    @property
    def lag(self) -> Mapping[Place, int]:
        """How many records of each partition of ours were still to be read at the last look, some seconds ago."""
        return self._progress.lag

    async def poll(self, seconds: float) -> list[list[Record]]:
        """Wait at most so long for records; return them per partition, in order.

        A client that looks alive and delivers nothing has no signal of its own: every ten seconds our position is held
        against the partitions' ends, and half a minute without a step though there is more raises BrokerUnavailable.
        """
        self._resume()
        with _failures():
            async with asyncio.timeout(seconds + STUCK_AFTER):
                if asyncio.get_running_loop().time() >= self._committed_at + _COMMIT_EVERY:
                    await self.commit()
                found = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=500)
        self._progress.delivered((each.topic, each.partition) for each in found)
        now = asyncio.get_running_loop().time()
        if now >= self._progress.looked_at + _LOOK_EVERY:
            self._look(await self._positions(), now)
        return [[_record(one) for one in records] for records in found.values() if records]

    def done(self, record: Record) -> None:
        """Note that everything up to and including this record is done with; the next commit says so to the broker."""
        self._done[TopicPartition(record.topic, record.partition)] = record.offset + 1

    async def commit(self) -> None:
        """Tell the broker what is done with; `poll` does it once a second, and the end of the subscription.

        What was done and not committed is delivered again: the inbox knows it. Raises BrokerUnavailable.
        """
        self._committed_at, ours = asyncio.get_running_loop().time(), self._consumer.assignment()
        done, self._done = {place: offset for place, offset in self._done.items() if place in ours}, {}
        if not done:
            return
        with _failures():
            try:
                await self._consumer.commit(done)
            except (CommitFailedError, IllegalStateError):  # a partition went to another member meanwhile
                log.info("commit_superseded")

    def again(self, record: Record, seconds: float) -> None:
        """Deliver this record, and what follows it on its partition, once more after a pause; others flow on."""
        partition = TopicPartition(record.topic, record.partition)
        with suppress(IllegalStateError):  # not ours any more: whose it is now reads it from the last commit
            self._consumer.seek(partition, record.offset)
            self._consumer.pause(partition)
            self._paused[partition] = asyncio.get_running_loop().time() + seconds

    def _look(self, positions: Mapping[Place, tuple[int, int]] | None, now: float) -> None:
        if not self._progress.is_stuck(positions, now):
            return
        raise NoPartitionLeft("none was assigned") if positions == {} else BrokerUnavailable("stuck")

    async def _positions(self) -> Mapping[Place, tuple[int, int]] | None:
        """Return where we are in each partition of ours and where it ends; None when that could not be found out."""
        with suppress(BrokerUnavailable), _failures():
            async with asyncio.timeout(5):
                ours = self._consumer.assignment()
                ends = await self._consumer.end_offsets(list(ours)) if ours else {}
                return {(p.topic, p.partition): (await self._consumer.position(p), end) for p, end in ends.items()}
        return None

    def _resume(self) -> None:
        now = asyncio.get_running_loop().time()
        for partition in [p for p, until in self._paused.items() if until <= now]:
            del self._paused[partition]
            with suppress(IllegalStateError):
                self._consumer.resume(partition)


async def _drop(producer: AIOKafkaProducer) -> None:
    """Close without flushing: `stop()` would wait for a frozen broker for ever, as idempotent batches never expire."""
    producer._closed = True  # pyright: ignore[reportPrivateUsage] - there is no public way to give up
    for close in (producer._sender.close, producer.client.close):  # pyright: ignore[reportPrivateUsage] - as above
        await _end(close(), within=1)


async def _end(closing: Coroutine[Any, Any, None], *, within: float) -> None:
    """Close a part of a client, or let go of it; how that fails is nobody's matter any more."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=within)
    if not task.done():
        task.cancel()
    elif not task.cancelled() and (error := task.exception()):
        log.info("client_dropped", exception=type(error).__name__)


@contextmanager
def _failures() -> Generator[None]:
    try:
        yield
    except (KafkaError, OSError) as error:
        raise BrokerUnavailable(type(error).__name__) from error
    except RuntimeError as error:
        if "closed" not in str(error):  # what uvloop says of a connection that was lost while it was written to
            raise
        raise BrokerUnavailable(type(error).__name__) from error


def _record(one: Any) -> Record:
    headers = {name: value or b"" for name, value in one.headers}
    return Record(one.topic, one.partition, one.offset, one.value or b"", headers)
