"""A real Apache Kafka in KRaft mode: one broker, or several that hold every partition three times."""
# aiokafka ships no types; what we take from it here are names and error codes.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.embedded.broker import Broker, Listening, copies_on
from infra.embedded.processes import StackError, free_ports

_RETENTION = {"retention.ms": str(7 * 24 * 3600 * 1000)}
_TOPIC_EXISTS = 36


class Kafka:
    """The brokers on one data directory. Make it with `Kafka.start`, end it with `stop`.

    Each of `brokers` may be stopped, killed or frozen by itself; `resume` starts those again that do not run.
    """

    def __init__(self, data_dir: Path, brokers: Sequence[Broker]) -> None:
        self._data_dir, self.brokers = data_dir, tuple(brokers)
        self.bootstrap = ",".join(broker.address for broker in brokers)

    @classmethod
    async def start(cls, data_dir: Path, port: int, controller_port: int, *, brokers: int = 1) -> "Kafka":
        """Start so many brokers, the storage made new if there is none in `data_dir`; return once all answer.

        The first listens at the given ports, the others at free ones. What a killed run left running on this directory
        is ended first. The caller holds the directory (`only_one`). Consumers can join their groups only after
        `ensure_topics`. Raises StackError.
        """
        _check_how_many(data_dir, brokers)
        further = free_ports(2 * (brokers - 1))
        cluster = [Listening(port, controller_port), *map(Listening, further[::2], further[1::2])]
        homes = [data_dir] if brokers == 1 else [data_dir / f"broker-{n}" for n in range(1, brokers + 1)]
        kafka = cls(data_dir, [Broker(home, n, cluster) for n, home in enumerate(homes, 1)])
        try:
            await kafka.resume()
        except BaseException:
            await kafka.kill()
            raise
        return kafka

    async def resume(self) -> None:
        """Start every broker that does not run, at the ports it had, and return once all answer. Raises StackError."""
        cluster_id = await asyncio.to_thread(_cluster_id, self._data_dir)
        try:
            async with asyncio.TaskGroup() as starting:
                for broker in self.brokers:
                    if not broker.alive:
                        starting.create_task(broker.start(cluster_id))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        for broker in self.brokers:
            await broker.until(lambda broker=broker: self._answers(broker))

    async def stop(self) -> None:
        """End it in good order."""
        await asyncio.gather(*(broker.stop() for broker in self.brokers))

    async def kill(self) -> None:
        """End all brokers as a power cut does, frozen or not."""
        await asyncio.gather(*(broker.kill() for broker in self.brokers))

    def freeze(self) -> None:
        """Stop all brokers where they stand: their connections stay open and nobody answers."""
        for broker in self.brokers:
            broker.freeze()

    def thaw(self) -> None:
        """Let all brokers go on."""
        for broker in self.brokers:
            broker.thaw()

    @property
    def pid(self) -> int:
        """The process id of the one broker."""
        [broker] = self.brokers
        return broker.pid

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Make each topic with so many partitions, kept 7 days, unless it is there; return once a group can join.

        A topic keeps its partition count for life: one that differs is a StackError, since keys would change place.
        """
        async with self._admin() as admin:
            copies = copies_on(len(self.brokers))
            wanted = [NewTopic(name, count, copies, topic_configs=_RETENTION) for name, count in topics.items()]
            answer: Any = await admin.create_topics(wanted)
            refused = [error for error in answer.topic_errors if error[1] not in (0, _TOPIC_EXISTS)]
            if refused:
                raise StackError(f"Kafka refused to make topics: {refused}")
            await self._until(lambda: _check_partitions(admin, topics), within=20)
        await self._join(next(iter(topics)))

    async def until_in_sync(self, *, within: float = 60) -> None:
        """Return once every copy of every partition is up to date: only then may the next broker go down."""
        await self._until(self._check_in_sync, within=within)

    async def leader(self, topic: str, partition: int) -> Broker:
        """Return the broker that leads a partition now. Raises LookupError when none does."""
        async with self._admin() as admin:
            [told] = await admin.describe_topics([topic])
        number = next(one["leader"] for one in told["partitions"] if one["partition"] == partition)
        if number < 1:
            raise LookupError(f"{topic}/{partition} has no leader")
        return self.brokers[number - 1]

    async def _until(self, ready: Any, *, within: float) -> None:
        running = next((broker for broker in self.brokers if broker.alive), self.brokers[0])
        await running.until(ready, timeout=within)

    async def _check_in_sync(self) -> None:
        async with self._admin() as admin:
            for topic in await admin.describe_topics():
                for one in topic["partitions"]:
                    if len(one["isr"]) < len(one["replicas"]):
                        raise LookupError(f"{topic['topic']}/{one['partition']} is in sync on {one['isr']} only")

    async def _answers(self, broker: Broker) -> None:
        _, probe = await asyncio.open_connection(*broker.address.split(":"))  # aiokafka logs each refusal as an error
        probe.close()
        async with self._admin(broker.address) as admin:
            known = (await admin.describe_cluster())["brokers"]
        if len(known) < len(self.brokers):
            raise LookupError(f"{len(known)} of {len(self.brokers)} brokers have joined")

    @asynccontextmanager
    async def _admin(self, address: str | None = None) -> AsyncGenerator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=address or self.bootstrap, request_timeout_ms=5000)
        with _quiet():
            try:
                await admin.start()
                yield admin
            finally:
                await admin.close()

    async def _join(self, topic: str) -> None:
        """Join a throw-away group: only then has Kafka made its offsets topic and elected a coordinator."""
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=self.bootstrap,
            group_id="embedded.ready",
            enable_auto_commit=False,
            auto_offset_reset="latest",
            retry_backoff_ms=30,
        )
        try:
            with _quiet():
                await asyncio.wait_for(consumer.start(), 20)
        finally:
            await consumer.stop()


def _check_how_many(data_dir: Path, brokers: int) -> None:
    """Refuse data of another number of brokers: starting beside them would look like starting empty."""
    found = 1 if (data_dir / "logs").exists() else len(list(data_dir.glob("broker-*")))
    if found not in (0, brokers):
        raise StackError(f"The data in {data_dir} are those of {found} broker(s), not of {brokers}.")


def _cluster_id(data_dir: Path) -> str:
    """Return the name that all brokers' storage carries, made when there is none."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / "cluster-id"
    if not file.exists():
        file.write_text("A" + secrets.token_urlsafe(16)[1:], "utf-8")  # Kafka's command line takes "-…" for an option
    return file.read_text("utf-8")


@contextmanager
def _quiet() -> Generator[None]:
    """Silence aiokafka, which logs each "not yet" of a coordinator, and each broker that is down, as an error."""
    log = logging.getLogger("aiokafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


async def _check_partitions(admin: AIOKafkaAdminClient, topics: Mapping[str, int]) -> None:
    for topic in await admin.describe_topics(list(topics)):
        partitions = topic["partitions"]
        if topic["error_code"] or any(p["error_code"] or p["leader"] < 0 for p in partitions):
            raise LookupError(f"{topic['topic']} has no leader yet")
        if len(partitions) != topics[topic["topic"]]:
            raise StackError(f"{topic['topic']} has {len(partitions)} partitions, not {topics[topic['topic']]}.")
