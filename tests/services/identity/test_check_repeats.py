"""A check that is sent twice under one Idempotency-Key is one check."""

import asyncio
from uuid import uuid4

import pytest

from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def test_a_repeated_check_is_the_same_check(world: World) -> None:
    city, dossier, person, key = world.city(), world.dossier(), make_person(), str(uuid4())
    first = await world.check(city, dossier, person, key=key)
    again = await world.check(city, dossier, person, key=key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert await checks(world, dossier["dossier_uid"]) == 1


async def test_another_person_under_the_same_key_is_refused(world: World) -> None:
    city, dossier, key = world.city(), world.dossier(), str(uuid4())
    await world.check(city, dossier, make_person(), key=key)
    other = await world.check(city, dossier, make_person(), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await checks(world, dossier["dossier_uid"]) == 1


async def test_twenty_checks_at_once_are_one(world: World) -> None:
    city, dossier, person, key = world.city(), world.dossier(), make_person(), str(uuid4())
    answers = await asyncio.gather(*(world.check(city, dossier, person, key=key) for _ in range(20)))
    assert len({answer.content for answer in answers if answer.is_success}) == 1
    assert {answer.json()["code"] for answer in answers if not answer.is_success} <= {"request_in_flight"}
    assert await checks(world, dossier["dossier_uid"]) == 1


async def test_i6_what_is_kept_of_a_check_names_nobody(world: World) -> None:
    person, key = make_person(), str(uuid4())
    await world.check(world.city(), world.dossier(), person, key=key)
    stored = await world.value("SELECT string_agg(convert_from(answer, 'UTF8') || i::text, '') FROM idempotency i")
    assert not any(text in stored for text in (key, person.pin, person.name, person.born))


async def checks(world: World, dossier_uid: str) -> int:
    """Count what was recorded of a dossier."""
    return await world.value("SELECT count(*) FROM officer_check WHERE dossier_uid = $1", dossier_uid)
