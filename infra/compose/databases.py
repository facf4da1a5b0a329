"""Makes and migrates the database of each service, before any of them starts: `python -m infra.compose.databases`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from infra.databases import ensure_databases
from infra.topics import SERVICES
from shared.migrations import MigrationError, migrate


def main() -> int:
    """Prepare PostgreSQL; 0 if it is ready, 1 with a sentence if not."""
    passwords = json.loads((Path(os.environ["SECRETS_DIR"]) / "passwords.json").read_text("utf-8"))
    try:
        asyncio.run(prepare(os.environ["POSTGRES"], passwords))
    except (MigrationError, asyncpg.PostgresError, OSError) as error:
        print(f"The databases could not be made ready: {error}", file=sys.stderr)
        return 1
    return 0


async def prepare(server: str, passwords: Mapping[str, str]) -> None:
    """Make what is not there, and apply what has not been applied."""

    @asynccontextmanager
    async def superuser(database: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(_dsn("postgres", passwords, server, database), timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    await ensure_databases(superuser, passwords, *SERVICES)
    for name in SERVICES:
        applied = await migrate(_dsn(f"{name}_owner", passwords, server, name), name)
        print(f"{name}: {len(applied)} migrations applied")


def _dsn(role: str, passwords: Mapping[str, str], server: str, database: str) -> str:
    return f"postgresql://{role}:{passwords[role]}@{server}/{database}"


if __name__ == "__main__":
    sys.exit(main())
