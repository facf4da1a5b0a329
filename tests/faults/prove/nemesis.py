"""What is done to the system: one fault after another, each drawn by the seed, each over before its target's next."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import asyncpg
import psutil

from infra.embedded.gateway import DidNotStart
from infra.embedded.kafka import Broker
from infra.embedded.keyring import SERVICES
from infra.embedded.processes import StackError
from tests.faults.kills.clockwork import admin
from tests.faults.kills.executing import postgres_dies
from tests.faults.prove.cluster import Cluster, Instance
from tests.faults.prove.cutting import can_cut, cut_off

_STARTS_WITHIN = 90.0


@dataclass(frozen=True)
class Fault:
    """One that was done: what, to whom, for how long, and how many seconds until its target was well again."""

    kind: str
    target: str
    lasted: float
    well_after: float


@dataclass
class Nemesis:
    """Wrongs a cluster; repeatable by its seed as far as what it does goes, not the moments it does it at."""

    cluster: Cluster
    rng: Random
    kinds: Collection[str] = ()
    """What may be done; everything when it is empty."""
    done: list[Fault] = field(default_factory=list[Fault])
    _servers: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One server at a time: of three brokers one may be away."""
    _busy: set[str] = field(default_factory=set[str])

    async def strike(self) -> None:
        """Do one fault of chance, and return when its target is well again."""
        every = sorted(_OF_INSTANCES) * 2 + sorted(_OF_SERVERS)
        kind = self.rng.choice([each for each in every if each in (self.kinds or KINDS)])
        if kind in _OF_SERVERS:
            async with self._servers:
                await self._note(kind, "servers", _OF_SERVERS[kind](self.cluster, self.rng))
            return
        free = [each for each in self.cluster.instances if each.name not in self._busy]
        target = self.rng.choice(free)
        self._busy.add(target.name)
        try:
            await self._note(kind, target.service, _OF_INSTANCES[kind](target, self.rng))
        finally:
            self._busy.discard(target.name)

    async def take_brokers_away(self, seconds: float) -> None:
        """Kill every broker, and start them again after so long."""
        async with self._servers:
            await self._note("all brokers away", "servers", _all_brokers_away(self.cluster, seconds))

    async def _note(self, kind: str, target: str, fault: Awaitable[float]) -> None:
        begun = time.monotonic()
        lasted = await fault
        self.done.append(Fault(kind, target, lasted, time.monotonic() - begun - lasted))


# Faults of one instance. Each returns how many seconds it lasted; what it takes beyond is the way back.


async def _kill(target: Instance, _rng: Random) -> float:
    await target.process.kill()
    return await _start_again(target)


async def _restart(target: Instance, _rng: Random) -> float:
    await target.process.end()
    return await _start_again(target)


async def _start_again(target: Instance) -> float:
    """Start it until it runs: its database may be away."""
    end = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            await (target.process.ready() if target.process.alive else target.process.start())
        except (DidNotStart, TimeoutError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.3)
        else:
            return 0.0


async def _freeze(target: Instance, rng: Random) -> float:
    seconds = rng.uniform(1, 12)
    target.process.freeze()
    await asyncio.sleep(seconds)
    target.process.thaw()
    return await _well(target, seconds)


async def _cut_process_off(target: Instance, rng: Random) -> float:
    seconds = rng.uniform(1, 8)
    async with cut_off(int(target.process.url.rpartition(":")[2])):
        await asyncio.sleep(seconds)
    return await _well(target, seconds)


async def _slow_database(target: Instance, rng: Random) -> float:
    seconds, target.wire.delay = rng.uniform(2, 8), rng.uniform(0.05, 0.8)
    return await _mended(target, seconds)


async def _silent_database(target: Instance, rng: Random) -> float:
    target.wire.silence()
    return await _mended(target, rng.uniform(1, 10))


async def _cut_database(target: Instance, rng: Random) -> float:
    target.wire.cut()
    return await _mended(target, rng.uniform(0.1, 6))


async def _mended(target: Instance, seconds: float) -> float:
    await asyncio.sleep(seconds)
    target.wire.mend()
    return await _well(target, seconds)


async def _wrong_clock(target: Instance, rng: Random) -> float:
    seconds = rng.uniform(2, 10)
    target.set_clock(rng.choice([-30.0, -2.0, -0.4, 0.4, 2.0, 30.0]))
    await asyncio.sleep(seconds)
    target.set_clock(0.0)
    return await _well(target, seconds)


async def _well(target: Instance, lasted: float) -> float:
    """Wait until it says that it is ready: started anew where it has ended itself."""
    if target.process.alive:
        with suppress(DidNotStart):
            await target.process.ready()
            return lasted
    await _start_again(target)
    return lasted


# Faults of servers.


async def _kill_postgres(cluster: Cluster, _rng: Random) -> float:
    await postgres_dies(cluster.running)
    return 0.0


async def _freeze_postgres(cluster: Cluster, rng: Random) -> float:
    seconds, server = rng.uniform(1, 8), psutil.Process(cluster.running.stack.postgres.pid)
    everybody = [server, *server.children(recursive=True)]
    _signal(everybody, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    _signal(everybody, signal.SIGCONT)
    return seconds


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            os.kill(each.pid, number)


async def _failing_statements(cluster: Cluster, rng: Random) -> float:
    """Let every write to one table fail as it does where the disk is full."""
    service = rng.choice(SERVICES)
    table, seconds = rng.choice(_TABLES[service]), rng.uniform(1, 6)
    await _do(cluster, service, _FULL.format(table=table))
    await asyncio.sleep(seconds)
    await _do(cluster, service, f"DROP TRIGGER full_disk ON {table}")
    return seconds


async def _do(cluster: Cluster, database: str, sql: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            async with admin(cluster.running, database) as connection:
                await connection.execute(sql)
        except (asyncpg.PostgresError, OSError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.2)
        else:
            return


_FULL = """
CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END$$;
CREATE TRIGGER full_disk BEFORE INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION full_disk();"""
_TABLES: Mapping[str, Sequence[str]] = {
    "identity": ("outbox", "inbox", "flow", "claims"),
    "consent": ("outbox", "inbox", "consent_grant"),
    "reuse": ("outbox", "inbox", "release", "evidence"),
    "audit": ("outbox", "inbox", "leaf"),
}


async def _kill_broker(cluster: Cluster, rng: Random) -> float:
    broker, seconds = _any(cluster, rng), rng.uniform(0, 10)
    await broker.kill()
    await asyncio.sleep(seconds)
    return await _brokers_well(cluster, seconds)


async def _freeze_broker(cluster: Cluster, rng: Random) -> float:
    broker, seconds = _any(cluster, rng), rng.uniform(1, 15)
    broker.freeze()
    await asyncio.sleep(seconds)
    broker.thaw()
    return await _brokers_well(cluster, seconds)


async def _cut_broker_off(cluster: Cluster, rng: Random) -> float:
    """Let nobody reach it, as a leader or a voter, while it reaches the others and may think that it still leads."""
    seconds = rng.uniform(1, 15)
    async with cut_off(*_any(cluster, rng).ports):
        await asyncio.sleep(seconds)
    return await _brokers_well(cluster, seconds)


async def _rolling_restart_of_brokers(cluster: Cluster, _rng: Random) -> float:
    for broker in cluster.running.stack.kafka.brokers:
        await broker.stop()
        await _brokers_well(cluster, 0)
    return 0.0


async def _all_brokers_away(cluster: Cluster, seconds: float) -> float:
    await cluster.running.stack.kafka.kill()
    await asyncio.sleep(seconds)
    return await _brokers_well(cluster, seconds)


def _any(cluster: Cluster, rng: Random) -> Broker:
    return rng.choice(cluster.running.stack.kafka.brokers)


async def _brokers_well(cluster: Cluster, lasted: float) -> float:
    """Start what does not run and wait until all copies are whole again: the next may then be away."""
    end = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            await cluster.running.stack.kafka.resume()
            await cluster.running.stack.kafka.until_in_sync()
        except (StackError, TimeoutError):
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.3)
        else:
            return lasted


_OF_INSTANCES: Mapping[str, Callable[[Instance, Random], Awaitable[float]]] = {
    "process killed": _kill,
    "process restarted": _restart,
    "process frozen": _freeze,
    "process cut off": _cut_process_off,
    "database slow": _slow_database,
    "database silent": _silent_database,
    "database cut off": _cut_database,
    "clock wrong": _wrong_clock,
}
_OF_SERVERS: Mapping[str, Callable[[Cluster, Random], Awaitable[float]]] = {
    "PostgreSQL killed": _kill_postgres,
    "PostgreSQL frozen": _freeze_postgres,
    "writes to a table fail": _failing_statements,
    "broker killed": _kill_broker,
    "broker frozen": _freeze_broker,
    "broker cut off": _cut_broker_off,
    "brokers restarted in turn": _rolling_restart_of_brokers,
}
_BY_FILTER = frozenset({"process cut off", "broker cut off"})
NOT_HERE: frozenset[str] = frozenset() if can_cut() else _BY_FILTER
"""What cannot be done on this machine."""
KINDS = [kind for kind in sorted(_OF_INSTANCES) + sorted(_OF_SERVERS) if kind not in NOT_HERE]
