"""A migrated, empty database of audit for each test that asks."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest

from infra.embedded.stack import Stack
from shared.db import Database
from shared.migrations import migrate


@pytest.fixture(scope="session")
async def migrated(stack: Stack) -> Stack:
    await migrate(stack.databases["audit"].owner, "audit")
    return stack


@pytest.fixture
async def db(migrated: Stack) -> AsyncGenerator[Database]:
    owner = await asyncpg.connect(migrated.databases["audit"].owner)
    tables = await owner.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migration'"
    )
    await owner.execute("TRUNCATE " + ", ".join(row["tablename"] for row in tables) + " RESTART IDENTITY")
    await owner.close()
    db = await Database.connect(migrated.databases["audit"].service)
    yield db
    await db.close()
