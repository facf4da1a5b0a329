"""A service's PostgreSQL: transactions that are over when their block is left, and failures that say `Unavailable`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from shared import log
from shared.errors import Unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

# A jsonb value on the wire is its text behind one version byte.
_JSONB = b"\x01"

# What a lost, restarting or overloaded server raises. Whoever tries again later may succeed.
_OUTAGES = (
    asyncpg.PostgresConnectionError,  # class 08, and connections that are gone
    asyncpg.OperatorInterventionError,  # class 57: shut down, crashed, starting up, statement_timeout
    asyncpg.InsufficientResourcesError,  # class 53: too many connections, disk full
    asyncpg.TransactionRollbackError,  # class 40: deadlock, serialisation
    asyncpg.LockNotAvailableError,  # lock_timeout
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.PostgresSystemError,  # class 58: its disk fails
    OSError,  # refused, reset, no socket file, and every time-out of ours
)


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached, or gave up this transaction; nothing of it is known to have happened."""

    code = "database_unavailable"
    retryable = True


class UnsafeDatabase(Exception):
    """The server we were pointed at would lose acknowledged writes, or is not the primary: refuse to start."""


_NO_PRIMARY = (UnsafeDatabase, asyncpg.ReadOnlySQLTransactionError)
"""What a server that we started on says while another takes its place: an outage like any other by then."""


class Tx:
    """One transaction. Made only by `Database`, so whoever holds one knows that it will be committed or undone."""

    def __init__(self, connection: "AnyConnection") -> None:
        self._connection = connection
        self.appended = False  # set by outbox.append: the relay is woken once this is committed
        self._afterwards: list[Callable[[], None]] = []

    def once_committed(self, tell: Callable[[], None]) -> None:
        """Do this, such as writing a line of the log, when what it tells of is committed, and else not."""
        self._afterwards.append(tell)

    def was_committed(self) -> None:
        """Do what was to be done then; for whoever ends transactions."""
        for tell in self._afterwards:
            tell()

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """Return all rows."""
        return await self._connection.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        """Return the first row, or None."""
        return await self._connection.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        """Return the first column of the first row, or None."""
        return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: object) -> str:
        """Run one statement and return its command tag ('UPDATE 1')."""
        return await self._connection.execute(sql, *args)

    async def executemany(self, sql: str, args: list[tuple[object, ...]]) -> None:
        """Run one statement for each tuple of arguments, in one round trip."""
        await self._connection.executemany(sql, args)


class Database:
    """The pool of one service's connections to its own database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", outbox_committed: asyncio.Event) -> None:
        self._pool = pool
        self.outbox_committed = outbox_committed  # the relay waits on this: an event was committed just now

    @classmethod
    async def connect(cls, dsn: str, *, max_size: int = 10, **settings: str) -> "Database":
        """Open the pool; `settings` are session parameters added to ours.

        Raises UnsafeDatabase for a replica or a server that does not keep what it acknowledges, and
        DatabaseUnavailable when it cannot be reached.
        """
        with speaking_of_outages():
            return cls(await _pool(dsn, 1, max_size, settings), asyncio.Event())

    @asynccontextmanager
    async def reserved(self, dsn: str) -> AsyncGenerator["Database"]:
        """Reserve a connection for work that must not stand in line behind requests; it is opened when it is used.

        What is committed over it wakes the same relay.
        """
        apart = Database(await _pool(dsn, 0, 1, {}), self.outbox_committed)
        try:
            yield apart
        finally:
            await apart.close()

    async def close(self) -> None:
        """Close every connection; waits a few seconds for those in use."""
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Commit what the block did when it is left, undo it when it raises.

        Once the block is left without an error the commit is durable; the relay is woken if an event was
        appended. Raises DatabaseUnavailable when the server failed: an unknown outcome if it happened at commit.
        """
        with speaking_of_outages(*_NO_PRIMARY):
            async with self._pool.acquire(timeout=5) as connection:
                tx = Tx(connection)
                async with connection.transaction():
                    yield tx
        tx.was_committed()
        if tx.appended:
            self.outbox_committed.set()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Tx]:
        """Read one consistent state of the database; writing is refused by the server."""
        with speaking_of_outages(UnsafeDatabase):
            async with (
                self._pool.acquire(timeout=5) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                yield Tx(connection)

    @asynccontextmanager
    async def statement(self) -> AsyncGenerator[Tx]:
        """For hot paths: each statement in the block is a transaction of its own, without the two extra round trips.

        Whoever writes outbox rows this way sets `tx.appended`.
        """
        with speaking_of_outages(*_NO_PRIMARY):
            async with self._pool.acquire(timeout=5) as connection:
                tx = Tx(connection)
                yield tx
        tx.was_committed()
        if tx.appended:
            self.outbox_committed.set()


async def _pool(dsn: str, min_size: int, max_size: int, settings: dict[str, str]) -> "asyncpg.Pool[asyncpg.Record]":
    return await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        timeout=5,
        command_timeout=15,  # the client's own bound, for a server that no longer answers at all
        # Connections stay, and what they have prepared: else both go after five minutes and are made anew, with new
        # plans of all, and memory that never settles.
        max_inactive_connection_lifetime=0,
        max_cached_statement_lifetime=0,
        init=prepare,
        reset=_keep_session,
        server_settings=_SESSION | settings,
    )


_SESSION = {
    # A plan is kept until its tables are analysed: one that read a whole table when it was made, while that was empty,
    # would still do so when the table has grown.
    "enable_seqscan": "off",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}


async def prepare(connection: "AnyConnection") -> None:
    """Make one new connection ours: speak jsonb as Python values, refuse an unsafe server."""
    # First: it lets go of what the connection has prepared, which the next statement would wait for without bound.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary",
        encoder=lambda value: _JSONB + orjson.dumps(value),
        decoder=lambda raw: orjson.loads(raw[1:]),
    )  # fmt: skip
    unsafe = await connection.fetchval(
        """SELECT CASE WHEN pg_is_in_recovery() THEN 'it is a replica'
                       WHEN current_setting('synchronous_commit') IN ('off') THEN 'synchronous_commit is off'
                       WHEN current_setting('fsync') = 'off' THEN 'fsync is off'
                       WHEN current_setting('full_page_writes') = 'off' THEN 'full_page_writes is off' END"""
    )
    if unsafe:
        log.error("database_unsafe", why=unsafe)
        raise UnsafeDatabase(unsafe)


async def _keep_session(_connection: "AnyConnection") -> None:
    """Replace the pool's reset, a round trip per checkout: `Tx` leaves nothing behind in a session."""


@contextmanager
def speaking_of_outages(*also: type[Exception]) -> Generator[None]:
    """Turn what a lost, restarting or overloaded server makes asyncpg raise into DatabaseUnavailable; `also` these."""
    try:
        yield
    except (*_OUTAGES, *also) as error:
        raise DatabaseUnavailable(type(error).__name__) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        # asyncpg has one class for misuse and for a connection found closed, or still at a statement that timed out
        if "clos" in str(error) or "cannot switch to state" in str(error):
            raise DatabaseUnavailable(type(error).__name__) from error
        raise
