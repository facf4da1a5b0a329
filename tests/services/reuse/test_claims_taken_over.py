"""Claims are taken over whole, once, and confirmed only then: identity deletes what is confirmed."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.reuse.domain.ids import AttributeId, GrantId
from shared import ids
from tests.services.reuse.conftest import SHOP, World, code_of
from tests.services.reuse.doubles import PERSON
from tests.services.reuse.test_collecting import put_in_flight

pytestmark = pytest.mark.stack


async def test_a_crash_after_the_evidence_and_before_the_confirmation_only_confirms(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    claims_id = await world.value("SELECT claims_id FROM lookup WHERE subject_id = $1 AND source = 'vneid'", subject_id)
    again = world.identity.holds_claims(opened.party("mother"), dict(PERSON))
    party = world.identity.parties[opened.party("mother")]
    party["claims"][0]["claims_id"] = str(claims_id)
    world.identity.values[str(claims_id)] = world.identity.values.pop(again)
    await world.collect(opened)
    assert world.identity.calls == {**world.identity.calls, "collection": 1, "confirmation": 2}


async def test_a_consent_that_has_not_arrived_is_asked_for_before_the_claims_are_used_up(world: World) -> None:
    shop = await world.open_shop()
    subject_id = world.identity.knows(shop.party("owner"))
    law = world.grant_of_law(shop, "owner", subject_id)
    phone = replace(
        law, grant_id=GrantId(ids.new()), kind="consent", rule_id=None, rule_version=None, letter=None,
        purpose_id="contact_by_phone", purpose_version=1, attributes=(AttributeId("person.phone"),),
    )  # fmt: skip
    world.consent.grants[phone.grant_id] = phone
    await world.arrives(law)
    world.identity.holds_claims(shop.party("owner"), dict(PERSON))
    assert (await world.collect(shop, "owner", **SHOP))["contact-phone"]["outcome"] == "reusable"


async def test_I12_claims_whose_grant_is_news_to_an_older_identity_are_waited_for_a_moment(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    (claims_id,) = world.identity.values
    late = world.identity.values.pop(claims_id)
    collecting = asyncio.create_task(world.collect(opened))
    await asyncio.sleep(0.25)
    world.identity.values[claims_id] = late
    assert (await collecting)["mother-identity"]["outcome"] == "reusable"


@pytest.mark.parametrize(("code", "questions"), [("claims_not_collectable", 5), ("claims_not_granted", 1)])
async def test_claims_that_are_not_to_be_had_leave_nothing_in_flight(world: World, code: str, questions: int) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    world.identity.values.clear()
    world.identity.refuses = code
    before = world.identity.calls["collection"]
    assert (await world.collect(opened))["mother-identity"]["outcome"] == "fetchable"
    assert world.identity.calls["collection"] == before + questions
    assert await world.value("SELECT count(*) FROM lookup WHERE subject_id = $1", subject_id) == 0


async def test_claims_are_left_where_they_are_while_somebody_asks_for_a_part_of_them(world: World) -> None:
    """Identity deletes all of them once they are confirmed, also what was not taken over."""
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await put_in_flight(world, opened, subject_id, grant, "person.full_name", since=timedelta())
    assert (await world.collect(opened))["mother-identity"]["outcome"] == "fetchable"
    assert len(world.identity.values) == 1
    assert await world.value("SELECT count(*) FROM lookup WHERE subject_id = $1", subject_id) == 1
    await world.execute("DELETE FROM lookup WHERE subject_id = $1", subject_id)
    assert (await world.collect(opened))["mother-identity"]["outcome"] == "reusable"
    assert not world.identity.values


async def test_claims_taken_over_too_late_to_count_are_not_confirmed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was frozen: another has given the look-up up for dead, and nothing of it was kept."""
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    ask = world.parts.identity.collect

    async def ask_and_freeze(*asked: Any) -> Any:
        collected = await ask(*asked)
        await world.execute(
            "UPDATE lookup SET outcome = 'unavailable', finished_at = started_at WHERE subject_id = $1", subject_id
        )
        return collected

    monkeypatch.setattr(world.parts.identity, "collect", ask_and_freeze)
    assert (await world.collect(opened))["mother-identity"]["outcome"] == "fetchable"
    assert len(world.identity.values) == 1


async def test_what_is_surely_granted_is_collected_before_identity_fails_at_others(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    undecided = world.identity.holds_claims(opened.party("mother"), dict(PERSON))
    claims = world.identity.parties[opened.party("mother")]["claims"]
    claims.reverse()
    claims[0]["state"] = "held"
    world.identity.silent_about = undecided
    answer = await world.ask("POST", f"/reuse/dossiers/{opened.uid}/collection", {"party_uid": opened.party("mother")})
    assert code_of(answer) == (503, "service_unavailable")
    assert [*world.identity.values] == [undecided]
