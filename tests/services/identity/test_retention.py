"""Logins that are over do not stay for ever."""

from datetime import timedelta

import pytest

from services.identity.service.sweep import LOGINS_STAY, sweep
from shared import clock
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_a_login_that_is_over_is_deleted_after_a_month_with_its_code_and_request(world: World) -> None:
    city, person = world.city(), make_person()
    details = city.login(world.dossier())
    async with world.http() as browser:
        answer = await world.decided(browser, city, details, person, "person.pin", "person.full_name")
        assert (await city.trade(browser, answer["code"])).status_code == 200
    assert await kept(world, details["dossier_uid"]) == (1, 1, 1)
    await sweep(world.db, clock.now() + LOGINS_STAY - timedelta(hours=1))
    assert await kept(world, details["dossier_uid"]) == (1, 1, 1)
    await sweep(world.db, clock.now() + LOGINS_STAY + timedelta(hours=1))
    assert await kept(world, details["dossier_uid"]) == (0, 0, 0)
    assert (await world.who_is(details))["state"] == "bound"  # who she is in the dossier stays


@pytest.mark.parametrize("found_after", [timedelta(hours=2), LOGINS_STAY + timedelta(hours=1)])
async def test_a_request_that_no_browser_came_with_is_deleted_after_an_hour_or_when_it_is_found_late(
    world: World, found_after: timedelta
) -> None:
    city = world.city()
    details = city.login(world.dossier())
    async with world.http() as http:
        assert (await city.push(http, details)).status_code == 201
    await sweep(world.db, clock.now() + timedelta(minutes=30))
    assert await kept(world, details["dossier_uid"]) == (1, 0, 0)
    await sweep(world.db, clock.now() + found_after)
    assert await kept(world, details["dossier_uid"]) == (0, 0, 0)


async def kept(world: World, dossier_uid: str) -> tuple[int, int, int]:
    """Count requests, flows and codes of a dossier."""
    async with world.db.read() as tx:
        row = await tx.fetchrow(
            """SELECT count(*) AS requests, count(f.flow_id) AS flows, count(c.flow_id) AS codes
                 FROM pushed_request r LEFT JOIN flow f USING (request_id) LEFT JOIN code c USING (flow_id)
                WHERE r.dossier_uid = $1""",
            dossier_uid,
        )
    assert row is not None
    return row["requests"], row["flows"], row["codes"]
