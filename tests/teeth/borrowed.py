"""A stack that another process runs: `MOTLAN_STACK` names its directory, so that many short test runs start none."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from infra.embedded.broker import Broker, Listening
from infra.embedded.kafka import Kafka
from infra.embedded.postgres import Postgres, _Passwords
from infra.embedded.processes import Server
from infra.embedded.stack import SERVICES, Stack

VARIABLE = "MOTLAN_STACK"


@dataclass(frozen=True)
class _Theirs:
    """A process that somebody else has started and will end."""

    pid: int
    returncode: int | None = None


def lend(stack: Stack, directory: Path) -> None:
    """Write down what another process needs to use a running stack."""
    told = {
        "postgres": {"port": stack.postgres.port, "pid": stack.postgres.pid},
        "kafka": {"port": int(stack.kafka.bootstrap.rpartition(":")[2]), "pid": stack.kafka.pid},
    }
    (directory / "lent.json").write_text(json.dumps(told), "utf-8")


async def borrow(directory: Path) -> Stack:
    """Use a running stack, its databases made empty: the run before us may have worked with broken code."""
    told = json.loads((directory / "lent.json").read_text("utf-8"))
    postgres, kafka = told["postgres"], told["kafka"]
    stack = Stack(directory, postgres_port=postgres["port"], kafka_port=kafka["port"], kafka_controller_port=0)
    passwords = _Passwords(directory / "postgres" / "passwords.json")
    stack.postgres = Postgres(postgres["port"], passwords, _server("PostgreSQL", postgres, directory))
    broker = Broker(directory, 1, [Listening(kafka["port"], 0)])
    broker._server = _server("Kafka", kafka, directory)
    stack.kafka = Kafka(directory, [broker])
    await _drop_databases(stack.postgres.dsn("postgres", "postgres"))
    stack.databases = await stack.postgres.ensure_databases(*SERVICES)
    return stack


def _server(name: str, told: dict[str, int], directory: Path) -> Server:
    process: Any = _Theirs(told["pid"])
    return Server(name, process, directory / "lent.json")


async def _drop_databases(dsn: str) -> None:
    admin = await asyncpg.connect(dsn, ssl=False)
    try:
        for row in await admin.fetch(
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
        ):
            await admin.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
    finally:
        await admin.close()
