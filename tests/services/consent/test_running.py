"""Consent as it runs: relay, consumer and timers on a real Kafka, beside the same database."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from services.consent.__main__ import compose
from services.consent.service import withdraw
from services.consent.settings import Settings
from shared import clock, ids
from tests.services.consent.conftest import World
from tests.services.consent.granting import consented

pytestmark = pytest.mark.stack


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + 20
    while not await holds():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.05)


async def test_a_started_service_confirms_what_a_crash_left_and_publishes_it(world: World) -> None:
    grant = await consented(world, ids.new())
    async with world.db.transaction() as tx:
        await withdraw._take_back(tx, grant.subject_id, grant.grant_id, clock.now())

    async def published() -> bool:
        return await world.value(
            """SELECT EXISTS (SELECT FROM outbox WHERE key = $1 AND type = 'consent.withdrawal-confirmed.v1'
                              AND published_at IS NOT NULL)""",
            str(grant.subject_id),
        )

    assert isinstance(world.service.settings, Settings)
    async with compose(world.service.settings).running():
        await until(published)
    assert len(await world.events(grant.subject_id)) == 3
