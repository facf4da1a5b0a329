"""Health tells alarms by kind and nothing about anybody; a schema of yesterday is not ready."""

from collections.abc import AsyncGenerator

import pytest

from infra.embedded.stack import Stack
from shared.db import Database
from tests.shared.asking import asking, members
from tests.shared.calling import Running, composed

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
async def running(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Running]:
    async with composed(stack, tmp_path_factory.mktemp("keys")) as it:
        yield it


async def test_health_tells_alarms_by_kind_and_nothing_about_anybody(running: Running) -> None:
    async with running.service.db.transaction() as tx:
        for key in ("somebody", "somebody else"):
            await tx.execute("INSERT INTO alarm (kind, key, detail) VALUES ('parked', $1, '{}'::jsonb)", key)
    async with asking(running.service.app) as client:
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        health = await client.get("/health")
    assert health.json() == {"service": running.service.name, "alarms": {"parked": 2}}
    assert "somebody" not in health.text


async def test_a_service_with_yesterdays_schema_is_not_ready(running: Running, stack: Stack) -> None:
    name = running.service.name
    owner = await Database.connect((await stack.postgres.ensure_databases(name))[name].owner)
    async with owner.transaction() as tx:
        await tx.execute("UPDATE schema_migration SET number = number + 1000 WHERE number = 2")
    async with asking(running.service.app) as client:
        answer = await client.get("/health/ready")
        alive = await client.get("/health/live")
    async with owner.transaction() as tx:
        await tx.execute("UPDATE schema_migration SET number = number - 1000 WHERE number = 1002")
    await owner.close()
    assert (answer.status_code, members(answer)["code"]) == (503, "not_migrated")
    assert alive.status_code == 200
