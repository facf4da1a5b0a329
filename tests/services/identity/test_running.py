"""The service as a whole: it takes over its registration file, runs beside a real Kafka, and stops."""

import asyncio
from datetime import timedelta

import pytest

from infra.embedded.stack import Stack
from services.identity.__main__ import compose
from services.identity.service.registrations import register
from services.identity.settings import Settings
from shared import clock
from tests.services.identity.city import officer
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_it_runs_and_what_happened_is_published(world: World, stack: Stack) -> None:
    dossier = world.dossier()
    await world.check(world.city(), dossier, make_person())
    settings = world.service.settings
    assert isinstance(settings, Settings)
    service = compose(settings)
    async with service.running():
        async with asyncio.timeout(20):
            while await world.value("SELECT count(*) FROM outbox WHERE published_at IS NULL"):  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.1)
    numbered = "SELECT count(*) = max(sequence) FROM outbox WHERE sequence IS NOT NULL"
    assert await world.value(numbered)


async def test_who_is_no_longer_in_the_file_is_no_longer_a_client(world: World) -> None:
    """R1, refusing: a registration taken back is taken back for everything."""
    city, now = world.city("business-system"), clock.now() + timedelta(seconds=1)
    kept = [each for each in world.service.registered if each.client.client_id != "business-system"]
    async with world.http() as http:
        await register(world.db, kept, now)
        try:
            refused = await city.work(http, officer(agency_uid="ag-000301"))
        finally:
            await register(world.db, world.service.registered, now)
        given = await city.work(http, officer(agency_uid="ag-000301"))
    assert refused.json()["error"] == "invalid_client"
    assert given.status_code == 200
