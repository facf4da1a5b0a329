"""A transaction is over when its block is left, and an unreachable server is `Unavailable`."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from infra.embedded.stack import Stack
from shared import alarms, outbox
from shared.db import Database, DatabaseUnavailable, UnsafeDatabase, _pool, prepare, speaking_of_outages
from shared.events import Event
from tests.shared.conftest import NOW, POOL, Pair, running

pytestmark = pytest.mark.stack


async def test_what_a_block_did_is_visible_once_it_is_left_and_not_before(pair: Pair) -> None:
    async with pair.out.transaction() as tx:
        await alarms.raise_alarm(tx, "test", "a", {"n": 1})
        async with pair.out.read() as other:
            assert await alarms.raised(other) == []
    async with pair.out.read() as other:
        assert [(alarm.kind, alarm.key, alarm.detail) for alarm in await alarms.raised(other)] == [
            ("test", "a", {"n": 1})
        ]


async def test_an_alarm_keeps_its_beginning_until_it_is_cleared(pair: Pair) -> None:
    for n in (1, 2):
        async with pair.out.transaction() as tx:
            await alarms.raise_alarm(tx, "test", "a", {"n": n})
    async with pair.out.transaction() as tx:
        (alarm,) = await alarms.raised(tx)
        assert alarm.since < alarm.last_seen
        assert alarm.detail == {"n": 2}
        await alarms.clear_alarm(tx, "test", "a")
        assert await alarms.raised(tx) == []


async def test_an_alarm_is_logged_when_it_is_raised_and_not_each_time_it_is_seen(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    async with pair.out.transaction() as tx:
        for key in [*map(str, range(300))] * 2:
            await alarms.raise_alarm(tx, "test", key, {})
        assert '"event":"alarm_raised"' not in capsys.readouterr().out
    assert capsys.readouterr().out.count('"event":"alarm_raised"') == 300
    async with pair.out.transaction() as tx:
        await tx.execute("DELETE FROM alarm WHERE kind = 'test'")


async def test_an_alarm_that_was_undone_was_never_raised(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    """As where a batch fails for another event in it, and each is taken in by itself."""
    with suppress(LookupError):
        async with pair.out.transaction() as tx:
            await alarms.raise_alarm(tx, "test", "undone", {})
            raise LookupError
    assert "alarm_raised" not in capsys.readouterr().out


async def test_values_keep_their_types(pair: Pair) -> None:
    document, id_, now = {"a": [1, "Hoà", None]}, uuid4(), datetime(2025, 7, 1, tzinfo=UTC)
    async with pair.out.read() as tx:
        row = await tx.fetchrow("SELECT $1::jsonb AS a, $2::uuid AS b, $3::timestamptz AS c", document, id_, now)
    assert row is not None
    assert tuple(row) == (document, id_, now)


async def test_the_relay_is_woken_by_a_commit_and_not_by_what_was_undone(pair: Pair) -> None:
    event = Event("a.b.v1", "k", {}, NOW)

    async def fail() -> None:
        async with pair.out.transaction() as tx:
            await outbox.append(tx, event)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with pair.out.transaction() as tx:
        await tx.execute("SELECT 1")
    assert not pair.out.outbox_committed.is_set()
    async with pair.out.transaction() as tx:
        await outbox.append(tx, event)
        assert not pair.out.outbox_committed.is_set()
    assert pair.out.outbox_committed.is_set()


async def test_a_reserved_connection_stands_in_no_line_and_wakes_the_same_relay(pair: Pair) -> None:
    async with AsyncExitStack() as crowd, pair.out.reserved(pair.out_dsn) as apart:
        for _ in range(POOL):
            await crowd.enter_async_context(pair.out.read())
        async with asyncio.timeout(2), apart.transaction() as tx:
            await outbox.append(tx, Event("a.b.v1", "k", {}, NOW))
    assert pair.out.outbox_committed.is_set()


async def test_reading_cannot_write(pair: Pair) -> None:
    async with pair.out.read() as tx:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await outbox.append(tx, Event("a.b.v1", "k", {}, NOW))


async def test_a_lost_connection_is_unavailable_and_the_next_transaction_works(pair: Pair) -> None:
    async def lose() -> None:
        async with pair.out.transaction() as tx, pair.out.transaction() as other:
            await tx.fetchval("SELECT pg_terminate_backend($1)", await other.fetchval("SELECT pg_backend_pid()"))
            await asyncio.sleep(0.05)
            await other.fetchval("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        await lose()
    async with pair.out.read() as tx:
        assert await tx.fetchval("SELECT 1") == 1


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.PostgresIOError("could not read block"),
    ],
)
def test_a_connection_that_is_of_no_more_use_is_an_outage(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable), speaking_of_outages():
        raise error


def test_a_connection_that_we_misuse_is_a_bug_of_ours() -> None:
    with pytest.raises(asyncpg.InterfaceError), speaking_of_outages():
        raise asyncpg.InterfaceError("cannot perform operation: another operation is in progress")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.connect("postgresql://nobody@127.0.0.1:1/nothing")


async def test_our_mistake_is_not_called_an_outage(pair: Pair) -> None:
    async with pair.out.read() as tx:
        with pytest.raises(asyncpg.DataError):
            await tx.fetchval("SELECT $1::integer", "one")


async def test_a_server_that_could_lose_what_it_acknowledged_is_refused(pair: Pair) -> None:
    with pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        await Database.connect(pair.out_dsn, synchronous_commit="off")


async def test_a_server_that_is_the_primary_no_more_is_an_outage(pair: Pair) -> None:
    """While another takes its place: connections made anew find a server we would not have started on."""
    unsafe = Database(await _pool(pair.out_dsn, 0, 1, {"synchronous_commit": "off"}), asyncio.Event())
    for opened in (unsafe.transaction, unsafe.read, unsafe.statement):
        with pytest.raises(DatabaseUnavailable):
            async with opened():
                pass
    await unsafe.close()

    async def write() -> None:
        async with pair.out.transaction() as tx:
            await tx.execute("SET TRANSACTION READ ONLY")
            await outbox.append(tx, Event("a.b.v1", "k", {}, NOW))

    with pytest.raises(DatabaseUnavailable):
        await write()


async def test_a_new_connection_has_nothing_to_let_go_of(pair: Pair) -> None:
    """Asyncpg bounds no time for that; on a line that has just gone dead the first request would wait for it."""
    connection = await asyncpg.connect(pair.out_dsn)
    await prepare(connection)
    assert not connection._stmts_to_close
    await connection.close()


async def test_what_audit_has_sealed_is_no_longer_the_oldest_unsealed(pair: Pair) -> None:
    async with running(pair.relay()):
        await pair.append("a", "b")
        await pair.until_published(2)
    async with pair.out.transaction() as tx:
        assert await outbox.oldest_unsealed(tx) == NOW
        await outbox.mark_sealed(tx, 1, now=NOW)
        assert await outbox.oldest_unsealed(tx) == NOW
        await outbox.mark_sealed(tx, 2, now=NOW)
        assert await outbox.oldest_unsealed(tx) is None


async def test_more_than_one_statement_changes_is_sealed_and_sent_again_all_the_same(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AT_ONCE", 2)
    async with running(pair.relay()):
        await pair.append(*"abcdefg")
        await pair.until_published(7)
    async with pair.out.transaction() as tx:
        await outbox.mark_sealed(tx, 6, now=NOW)
        assert await tx.fetch("SELECT sequence FROM outbox WHERE sealed_at IS NULL") == [(7,)]
    again = [await outbox.send_again(pair.out, partition, after=1, upto=6) for partition in range(2)]
    async with pair.out.read() as tx:
        progress = await outbox.progress(tx)
    assert (sum(again), progress.newest, progress.unnumbered, progress.unpublished) == (5, 7, 0, 5)
    assert (progress.unpublished_since, progress.unsealed, progress.unsealed_since) == (NOW, 1, NOW)


async def test_a_plan_that_is_made_on_an_empty_table_will_do_for_a_large_one(pair: Pair, stack: Stack) -> None:
    admin = await asyncpg.connect(stack.postgres.dsn("postgres", pair.source), ssl=False)
    await admin.execute("VACUUM ANALYZE outbox")  # from now on the planner knows that it is empty
    await admin.close()
    async with pair.out.read() as tx:
        plan = await tx.fetch("EXPLAIN SELECT FROM outbox WHERE sealed_at IS NULL AND time < clock_timestamp()")
    assert any("using outbox_unsealed" in line["QUERY PLAN"] for line in plan)
    assert not any("Seq Scan" in line["QUERY PLAN"] for line in plan)
