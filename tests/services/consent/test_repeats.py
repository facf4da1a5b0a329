"""The counter under an Idempotency-Key: a decision and an ending are given once and told again."""

from typing import Any
from uuid import uuid4

import pytest

from tests.services.consent.conftest import World
from tests.services.consent.test_counter import DECISIONS, body_for, decided, known_dossier

pytestmark = pytest.mark.stack
REASON = "opened_at_another_ward"


async def test_a_repeated_decision_is_told_again_even_when_the_right_has_ended_since(world: World) -> None:
    dossier, subject = known_dossier(world)
    key = str(uuid4())
    first = await world.ask("POST", DECISIONS, body_for(dossier), key=key)
    (grant,) = first.json()["grants"]
    await world.ask("POST", f"/consent/grants/{grant['grant_id']}/ending", {"reason": REASON})
    told = len(await world.events(subject))
    again = await world.ask("POST", DECISIONS, body_for(dossier), key=key)
    assert (again.status_code, again.content, again.headers["idempotency-replayed"]) == (200, first.content, "true")
    assert len(await world.events(subject)) == told


async def test_a_repeated_ending_is_told_again_and_without_a_key_refused(world: World) -> None:
    dossier, subject = known_dossier(world)
    path, key = f"/consent/grants/{(await decided(world, dossier))['grant_id']}/ending", str(uuid4())
    first = await world.ask("POST", path, {"reason": REASON}, key=key)
    again = await world.ask("POST", path, {"reason": REASON}, key=key)
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert len(await world.events(subject)) == 2
    assert (await world.ask("POST", path, {"reason": REASON})).status_code == 409


@pytest.mark.parametrize(
    "change", [{"opted_out": ["person.pin"]}, {"party_uid": "01902c8e-3c5d-7000-8000-000000000000"}]
)
async def test_another_decision_under_the_same_key_is_refused(world: World, change: dict[str, Any]) -> None:
    dossier, subject = known_dossier(world)
    key = str(uuid4())
    await world.ask("POST", DECISIONS, body_for(dossier), key=key)
    other = await world.ask("POST", DECISIONS, body_for(dossier, **change), key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len(await world.events(subject)) == 1
