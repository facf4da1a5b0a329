"""Time that passes: what would be waited for by the minute is brought about in the databases."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from infra.client.gateway import Json, Refused
from tests.faults.kills.persistence import IN_FLIGHT, PATIENCE_SECONDS
from tests.faults.processes import System


class Time:
    """Lets moments come that the services wait for."""

    def __init__(self, running: System) -> None:
        self._running = running

    async def let_consents_run_out(self, dossier_uid: str) -> None:
        """Let the day come up to which something was agreed for this dossier."""
        await self._do(
            "consent", "UPDATE consent_grant SET valid_until = now() WHERE dossier_uid = $1 AND kind = 'consent'",
            UUID(dossier_uid),
        )  # fmt: skip

    async def let_request_lapse(self, request_id: str) -> None:
        """Let the 13 minutes of a question pass."""
        await self._do(
            "consent", "UPDATE consent_request SET lapses_at = now() WHERE request_id = $1", UUID(request_id)
        )

    async def let_lookups_be_given_up(self, dossier_uid: str) -> None:
        """Let the minute pass after which a look-up of this dossier that never landed is given up."""
        await self._do(
            "reuse",
            """UPDATE lookup SET started_at = started_at - interval '2 minutes'
               WHERE dossier_uid = $1 AND outcome IS NULL""",
            UUID(dossier_uid),
        )

    async def while_claims_run_out(self, key: str, ask: Callable[[], Awaitable[Json]]) -> Json:
        """Ask; where a crash has left the key claimed, let the two minutes pass and ask again with the same key."""
        while True:
            try:
                return await ask()
            except Refused as refused:
                if refused.code != IN_FLIGHT:
                    raise
            await asyncio.sleep(0.1)
            hashed = hashlib.sha256(key.encode()).digest()
            await self._do(
                "reuse",
                "UPDATE idempotency SET claimed_until = asked_at WHERE key_hash = $1 AND answer IS NULL",
                hashed,
            )

    async def _do(self, database: str, sql: str, *values: object) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                async with admin(self._running, database) as connection:
                    await connection.execute(sql, *values)
            except (asyncpg.PostgresError, OSError):  # it is being killed, too
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.2)
            else:
                return


@asynccontextmanager
async def admin(running: System, database: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    """Look into a service's database as a superuser."""
    connection = await asyncpg.connect(running.stack.postgres.dsn("postgres", database), ssl=False)
    try:
        yield connection
    finally:
        await connection.close()
