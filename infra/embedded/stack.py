"""PostgreSQL and Kafka together, as `make run`, `make demo` and the tests need them."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.kafka import Kafka
from infra.embedded.postgres import Postgres, ServiceDatabase
from infra.embedded.processes import only_one
from infra.topics import SERVICES as SERVICES
from infra.topics import TOPICS

BROKERS = int(os.environ.get("MOTLAN_BROKERS", "1"))
"""How many brokers Kafka has where nobody says: by this setting everything here, the tests too, runs on a cluster."""


class Stack:
    """The two servers on one data directory, with every database and topic there.

    `async with Stack(directory, …) as stack:` gives `stack.databases["consent"].service`, `.owner` (DSNs) and
    `stack.kafka.bootstrap`; `brokers=3` makes Kafka a cluster that outlives one of them. Data are kept: the same
    directory starts where it ended, however it ended. Raises StackError, whose message is for people, if a port is
    taken or another process runs on the directory.
    """

    postgres: Postgres
    kafka: Kafka
    databases: dict[str, ServiceDatabase]

    def __init__(
        self, data_dir: Path, *, postgres_port: int, kafka_port: int, kafka_controller_port: int, brokers: int = BROKERS
    ) -> None:
        self._data_dir, self._brokers = data_dir, brokers
        self._ports = postgres_port, kafka_port, kafka_controller_port
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._data_dir.mkdir(parents=True, exist_ok=True)
        async with self._exit as opened:
            opened.enter_context(only_one(self._data_dir))
            try:
                async with asyncio.TaskGroup() as starting:
                    starting.create_task(self._start_postgres(opened))
                    starting.create_task(self._start_kafka(opened))
            except BaseExceptionGroup as failed:
                raise failed.exceptions[0] from None  # one sentence helps more than a tree of them
            self._exit = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.__aexit__(kind, error, trace)

    async def _start_postgres(self, opened: AsyncExitStack) -> None:
        self.postgres = await Postgres.start(self._data_dir / "postgres", self._ports[0])
        opened.push_async_callback(lambda: self.postgres.stop())  # the one that runs then: it may be started anew
        self.databases = await self.postgres.ensure_databases(*SERVICES)

    async def _start_kafka(self, opened: AsyncExitStack) -> None:
        self.kafka = await Kafka.start(self._data_dir / "kafka", *self._ports[1:], brokers=self._brokers)
        opened.push_async_callback(lambda: self.kafka.stop())
        await self.kafka.ensure_topics(TOPICS)
