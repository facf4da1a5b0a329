"""The one that works among a service's replicas: who holds a lock of the database, on the connection it works with."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from shared.db import Tx, prepare, speaking_of_outages

# The server lets go of a session that has been silent for 3 s, and with it of the lock; ours is used far more often.
_SESSION = {
    "statement_timeout": "3s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "3s",
    "idle_session_timeout": "3s",
    "tcp_user_timeout": "3s",
    "timezone": "UTC",
}
_SIGN_OF_LIFE = 0.25
_NEXT_TRY = 0.3


class Session:
    """The locked connection. What is done through it is done by the one holder: a lost lock fails the statement."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """As Database.transaction, on the locked connection."""
        with speaking_of_outages():
            tx = Tx(self._connection)
            async with self._turn, self._connection.transaction(isolation="read_committed"):
                yield tx
        tx.was_committed()

    async def keep_alive(self) -> None:
        """Use the connection at least every 300 ms; raises DatabaseUnavailable as soon as it is lost."""
        while True:
            await asyncio.sleep(_SIGN_OF_LIFE)
            with speaking_of_outages():
                async with self._turn:
                    await self._connection.execute("SELECT 1")


async def work_alone(dsn: str, purpose: str, work: Callable[[Session], Awaitable[None]]) -> None:
    """Wait until no other process does this, then do it, until it ends or the lock is lost.

    At most one `work` per purpose and database is able to write through its session. Raises DatabaseUnavailable when
    the connection is lost (the work is cancelled first), and whatever the work raises.
    """
    with speaking_of_outages():
        connection = await asyncpg.connect(dsn, timeout=3, command_timeout=3.5, server_settings=_SESSION)
        try:
            await prepare(connection)
            await _lock(connection, purpose)
            await _while_alive(Session(connection), work)
        finally:
            connection.terminate()


async def _lock(connection: "asyncpg.Connection[asyncpg.Record]", purpose: str) -> None:
    while True:  # by trying: a statement that waits for the lock would run into its own time-out
        if await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", purpose):
            return
        await asyncio.sleep(_NEXT_TRY)


async def _while_alive(session: Session, work: Callable[[Session], Awaitable[None]]) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            alive = tasks.create_task(session.keep_alive())
            await work(session)
            alive.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
