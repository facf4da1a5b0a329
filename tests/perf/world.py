"""What every measurement stands on: a durable PostgreSQL beside the load's core, keys, a city system, a folder."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from infra.embedded.kafka import Kafka
from infra.embedded.keyring import Keyring
from infra.embedded.postgres import Postgres
from infra.embedded.processes import free_ports
from shared.settings import read_key
from shared.vault import Vault
from tests.perf.city import City
from tests.perf.population import Target, populate
from tests.shared.credentials import make_values

TARGETS = 3000


@dataclass(frozen=True)
class World:
    """Made by `opened`; `say` writes a line of progress."""

    folder: Path
    postgres: Postgres
    city: City = field(default_factory=City)
    _filled: dict[int, "Filled"] = field(default_factory=dict[int, "Filled"])

    @cached_property
    def keyring(self) -> Keyring:
        """The keys of the services that are composed."""
        return Keyring(self.folder / "keys")

    @cached_property
    def vault(self) -> Vault:
        """Reuse's vault, to fill its tables with what it can open."""
        return Vault(read_key(self.keyring.secret("kek")))

    async def reuse_with(self, citizens: int) -> "Filled":
        """Return a database of reuse's with so many citizens, filled the first time it is asked for."""
        if citizens not in self._filled:
            self._filled[citizens] = await self._fill(citizens)
        return self._filled[citizens]

    async def _fill(self, citizens: int) -> "Filled":
        name = f"reuse{citizens}"
        targets = await populate(self.postgres, name, vault=self.vault, citizens=citizens, targets=TARGETS)
        settings = make_values(self.folder, "reuse", "identity", "consent", "audit") | {
            "database_url": self.postgres.dsn(name, name),
            "release_key_file": self.keyring.p256("release"),
            "kek_file": self.keyring.secret("kek"),
            "registries_url": "http://127.0.0.1:8090/registries",
        }
        told = {
            "settings": {key: str(value) for key, value in settings.items()},
            "jwks": self.city.issuer.jwks(),
            "issuer_pem": self.city.issuer_pem(),
        }
        return Filled(self.postgres.dsn(name, name), targets, told)


@dataclass(frozen=True)
class Filled:
    """A database of reuse's with citizens, and what a server that is to use it is told."""

    dsn: str
    targets: list[Target]
    told: dict[str, Any]


@asynccontextmanager
async def opened() -> AsyncGenerator[World]:
    """Start PostgreSQL on the core this process is on; refuse one that would not keep what it acknowledges."""
    with TemporaryDirectory(prefix="motlan-bench-") as directory:
        folder = Path(directory)
        [port] = free_ports(1)
        postgres = await Postgres.start(folder / "postgres", port)
        try:
            await _check_durable(postgres)
            yield World(folder, postgres)
        finally:
            await postgres.stop()


async def _check_durable(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.dsn("postgres", "postgres"), ssl=False)
    try:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            value = await connection.fetchval("SELECT current_setting($1)", name)
            if value != "on":
                raise RuntimeError(f"{name} is {value}: nothing measured so would count")
    finally:
        await connection.close()


@asynccontextmanager
async def brokered(world: World, topics: Mapping[str, int]) -> AsyncGenerator[str]:
    """Run a broker with these topics while the block lasts; gives its address."""
    with TemporaryDirectory(dir=world.folder) as directory:
        kafka = await Kafka.start(Path(directory), *free_ports(2))
        try:
            await kafka.ensure_topics(topics)
            yield kafka.bootstrap
        finally:
            await kafka.stop()
