"""What goes wrong while races are run, brought about from outside: locks, signals, triggers."""
# aiokafka ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared import clock, ids
from shared.kafka import partition_for
from tests.faults.race.citizens import Citizen
from tests.faults.race.field import Field, until

PARTITIONS = 4
_LOCK = "hashtextextended('relay', 0)"


@asynccontextmanager
async def relay_held(field: Field) -> AsyncGenerator[None]:
    """Keep consent's relay from working, by the very lock that lets only one replica's work; all else goes on."""
    async with field.admin("consent") as holder, field.admin("consent") as other:
        mine = await holder.fetchval("SELECT pg_backend_pid()")
        waiting = asyncio.create_task(holder.execute(f"SELECT pg_advisory_lock({_LOCK})"))

        async def is_next() -> bool:
            return await other.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)", mine)

        await until(is_next)
        await other.execute(
            f"""SELECT pg_terminate_backend(pid) FROM pg_locks
                WHERE locktype = 'advisory' AND granted AND pid <> $1 AND (classid::bigint << 32 | objid::bigint) = {_LOCK}""",  # noqa: E501, S608 - a constant
            mine,
        )
        await waiting
        yield


@asynccontextmanager
async def broker_frozen(field: Field) -> AsyncGenerator[None]:
    """Freeze Kafka where it stands."""
    field.running.freeze_kafka()
    try:
        yield
    finally:
        field.running.thaw_kafka()


@asynccontextmanager
async def process_frozen(field: Field, name: str) -> AsyncGenerator[None]:
    """Freeze one process where it stands: connections to it open and stay unanswered."""
    field.running[name].freeze()
    try:
        yield
    finally:
        field.running[name].thaw()


@asynccontextmanager
async def consent_frozen(field: Field) -> AsyncGenerator[None]:
    """Freeze the replica of consent that reuse asks, with its relay if it has it; citizens' pages are the others'."""
    all_of_them = field.hands.consent
    async with process_frozen(field, "consent"):
        field.hands.consent = all_of_them[1:]
        try:
            yield
        finally:
            field.hands.consent = all_of_them


@asynccontextmanager
async def commits_held(
    field: Field, table: str, *, on: str, seconds: float, database: str = "reuse"
) -> AsyncGenerator[None]:
    """Let each commit that did this to the table take up to so many seconds more, its locks held."""
    async with field.admin(database) as admin:
        await admin.execute(f"""
            CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN PERFORM pg_sleep({seconds} * random()); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER hold_commit AFTER {on} ON {table}
              DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold_commit();
        """)
        try:
            yield
        finally:
            await admin.execute(f"DROP TRIGGER hold_commit ON {table}; DROP FUNCTION hold_commit();")


@asynccontextmanager
async def reuse_clock_shifted(field: Field, milliseconds: int) -> AsyncGenerator[None]:
    """Let reuse's database be ahead by so much (behind, if negative); sessions are cut, so that all begin anew."""
    functions = "".join(
        f"CREATE FUNCTION shifted.{name}() RETURNS timestamptz {how} LANGUAGE sql AS "
        f"$$ SELECT pg_catalog.{name}() + interval '{milliseconds} ms' $$;"
        for name, how in (("clock_timestamp", "VOLATILE"), ("statement_timestamp", "STABLE"), ("now", "STABLE"))
    )
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reuse'"
    async with field.admin("reuse") as admin:
        await admin.execute(f"CREATE SCHEMA shifted; GRANT USAGE ON SCHEMA shifted TO reuse; {functions}")
        await admin.execute("ALTER ROLE reuse IN DATABASE reuse SET search_path = shifted, pg_catalog, public")
        await admin.execute(cut)
        try:
            yield
        finally:
            await admin.execute("ALTER ROLE reuse IN DATABASE reuse RESET search_path")
            await admin.execute(cut)
            await admin.execute("DROP SCHEMA shifted CASCADE")


@asynccontextmanager
async def confirming_held(field: Field) -> AsyncGenerator[None]:
    """Let no withdrawal be confirmed: it commits, reads the clock, and then cannot write its receipt."""
    async with field.admin("consent") as admin, admin.transaction():
        await admin.execute("LOCK TABLE receipt IN SHARE MODE")
        yield


async def poison(field: Field, citizen: Citizen) -> None:
    """Let consent tell of her grant something that reuse cannot read, as a newer consent might."""
    async with field.consent.transaction() as tx:
        told: dict[str, Any] = await tx.fetchval(
            "SELECT data FROM outbox WHERE type = 'consent.granted.v1' AND data->'grant'->>'grant_id' = $1",
            str(citizen.grant_id),
        )
        data = {**told, "grant": {**told["grant"], "state": "thought_over"}}
        await tx.execute(
            "INSERT INTO outbox (event_id, type, key, time, data) VALUES ($1, 'consent.withdrawn.v1', $2, $3, $4)",
            ids.new(), str(citizen.subject_id), clock.now(), data,
        )  # fmt: skip


def partition_of(citizen: Citizen) -> int:
    """Return where her events come."""
    return partition_for(str(citizen.subject_id), PARTITIONS)


async def skip(field: Field, partition: int) -> None:
    """Move the offset of reuse's group to the end of a partition of consent's; nobody of the group may be there."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=field.running.stack.kafka.bootstrap, group_id="reuse", enable_auto_commit=False
    )
    await consumer.start()
    try:
        place = TopicPartition("consent.events", partition)
        consumer.assign([place])
        ends: dict[TopicPartition, int] = await consumer.end_offsets([place])
        await consumer.commit(ends)
    finally:
        await consumer.stop()
