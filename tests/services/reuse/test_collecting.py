"""Collecting: what is granted, at most once while fresh, and rightly named when it fails."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.reuse.domain.grant import Grant
from shared import clock
from tests.services.reuse.conftest import NGO_QUYEN, SHOP, Opened, World, code_of, released_attributes
from tests.services.reuse.doubles import PERSON

pytestmark = pytest.mark.stack


async def test_R16_claims_then_registries_become_evidence_and_each_question_is_an_event(world: World) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    plan = await world.collect(opened)
    assert {name: item["outcome"] for name, item in plan.items()} == dict.fromkeys(
        ("mother-identity", "mother-residence", "parents-marriage", "birth-notification"), "reusable"
    )
    told = [data for kind, data in await world.events(subject_id) if kind == "reuse.looked-up.v1"]
    assert [(each["source"], each["outcome"]) for each in told] == [
        ("vneid", "found"), ("civil_status", "found"), ("health_births", "found"),
    ]  # fmt: skip
    assert all(each["grant_id"] == str(grant.grant_id) and each["digest"] for each in told)
    assert world.identity.calls["confirmation"] == 1
    assert world.identity.values == {}


async def test_values_lie_sealed_in_the_database_and_registries_are_told_who_asks(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    stored = await world.value("SELECT string_agg(e::text, '') FROM evidence e WHERE subject_id = $1", subject_id)
    assert not any(str(value) in stored for value in PERSON.values() if isinstance(value, str))
    _, asked = world.registries.asked[0]
    assert asked["on_behalf_of"] == {"kind": "officer", "ref": "off-7", "agency_uid": "ag-000101"}
    assert asked["match"]["pin"] == PERSON["person.pin"]


async def test_a_second_collection_asks_nobody_anything_again(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    asked, collected = len(world.registries.asked), world.identity.calls["collection"]
    await world.collect(opened)
    assert (len(world.registries.asked), world.identity.calls["collection"]) == (asked, collected)


async def test_two_collections_at_once_ask_each_register_once(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await asyncio.gather(*(world.collect(opened) for _ in range(4)))
    assert world.registries.times_asked("civil-status") == 1
    assert world.identity.calls["collection"] == 1


@pytest.mark.parametrize(("seconds", "asked"), [(30, 1), (90, 2)], ids=["still-under-way", "given-up"])
async def test_what_a_crash_left_in_flight_is_given_up_after_a_minute_and_asked_again_if_nothing_else_is(
    world: World, seconds: int, asked: int
) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    await world.execute("DELETE FROM evidence WHERE subject_id = $1 AND attribute = 'birth.notification'", subject_id)
    await world.execute(
        """UPDATE lookup SET outcome = NULL, finished_at = NULL,
                  started_at = clock_timestamp() - make_interval(secs => $2)
           WHERE subject_id = $1 AND attribute = 'birth.notification'""",
        subject_id, seconds,
    )  # fmt: skip
    plan = await world.collect(opened)
    assert world.registries.times_asked("health-births") == asked
    assert plan["birth-notification"]["outcome"] == ("fetchable" if asked == 1 else "reusable")
    told = await answers_of(world, subject_id, "health_births")
    assert told == ["found"] + ["unavailable", "found"] * (asked - 1)


async def test_the_next_procedure_is_handed_nothing_and_fetches_nothing_twice(world: World) -> None:
    first = await world.open()
    subject_id, grant = await world.mother(first)
    await world.arrives(world.retention(subject_id, *[a for a in grant.attributes if a != "birth.notification"]))
    await world.collect(first)
    shop = await world.open_shop()
    world.identity.knows(shop.party("owner"), subject_id=subject_id)
    law = world.grant_of_law(shop, "owner", subject_id)
    await world.arrives(law)
    plan = await world.collect(shop, "owner", **SHOP)
    assert {plan[c]["outcome"] for c in ("owner-identity", "owner-residence", "owner-registrations")} == {"reusable"}
    assert (world.registries.times_asked("population"), world.registries.times_asked("business")) == (0, 1)
    answer = await world.release(shop, role="owner", **SHOP)
    assert released_attributes(answer) == set(law.attributes)


async def test_R5_nothing_is_collected_for_a_party_nobody_has_identified(world: World) -> None:
    opened = await world.open()
    body = {"party_uid": opened.party("father")}
    answer = await world.ask("POST", f"/reuse/dossiers/{opened.uid}/collection", body)
    assert code_of(answer) == (409, "party_unidentified")


async def test_R3_nothing_is_collected_for_a_closed_dossier(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "withdrawn"})
    body = {"party_uid": opened.party("mother")}
    answer = await world.ask("POST", f"/reuse/dossiers/{opened.uid}/collection", body)
    assert code_of(answer) == (409, "dossier_closed")
    assert world.identity.calls["collection"] == 0


async def test_without_a_grant_nothing_is_collected(world: World) -> None:
    opened = await world.open()
    world.identity.knows(opened.party("mother"))
    world.identity.holds_claims(opened.party("mother"), {"person.pin": PERSON["person.pin"]})
    await world.collect(opened)
    assert world.identity.calls["collection"] == 0
    assert world.registries.asked == []


async def test_R8_another_agency_of_the_dossier_takes_over_what_waits_and_asks_no_register(world: World) -> None:
    opened = await world.open(supporting="ag-000201")
    subject_id, grant = await world.mother(opened)
    plan = await world.collect(opened, agency=NGO_QUYEN)
    assert {plan[each]["outcome"] for each in ("mother-identity", "parents-marriage")} == {"awaiting_person"}
    told = [data for kind, data in await world.events(subject_id) if kind == "reuse.looked-up.v1"]
    assert [(each["source"], each["grant_id"]) for each in told] == [("vneid", str(grant.grant_id))]
    assert (world.registries.asked, world.identity.values) == ([], {})
    assert (await world.collect(opened))["mother-identity"]["outcome"] == "reusable"


async def test_only_granted_attributes_are_kept_of_what_a_source_tells(world: World) -> None:
    opened = await world.open()
    subject_id = world.identity.knows(opened.party("mother"))
    law = world.grant_of_law(opened, "mother", subject_id)
    kept = tuple(a for a in law.attributes if a != "person.sex")
    await world.arrives(replace(law, attributes=kept, opted_out=("person.sex",)))
    world.identity.holds_claims(opened.party("mother"), dict(PERSON))
    plan = await world.collect(opened)
    held = await world.value("SELECT array_agg(attribute) FROM evidence WHERE subject_id = $1", subject_id)
    assert set(held) == set(kept)
    assert (plan["mother-identity"]["outcome"], plan["mother-identity"]["submit"]) == ("refused_by_citizen", True)


@pytest.mark.parametrize(("said", "outcome", "submit", "fault"), [
    ("not_found", "not_available", True, None),
    ("partial", "officer_check_needed", False, "source"),
    ("mismatch", "officer_check_needed", False, "source"),
    ("unavailable", "source_fault", False, "source"),
])  # fmt: skip
async def test_what_a_register_says_is_named_rightly_and_never_against_the_citizen(
    world: World, said: str, outcome: str, submit: bool, fault: str | None
) -> None:
    world.registries.outcomes["civil-status"] = said
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    item = (await world.collect(opened))["parents-marriage"]
    assert (item["outcome"], item["submit"], item["fault"]) == (outcome, submit, fault)
    told = [d for k, d in await world.events(subject_id) if k == "reuse.looked-up.v1" and d["source"] == "civil_status"]
    assert [(each["outcome"], each["evidence_ids"]) for each in told] == [(said, [])]


async def test_a_register_that_failed_is_asked_again_and_one_that_said_no_is_not(world: World) -> None:
    world.registries.outcomes = {"civil-status": "unavailable", "health-births": "not_found"}
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    world.registries.outcomes = {}
    plan = await world.collect(opened)
    assert (plan["parents-marriage"]["outcome"], plan["birth-notification"]["outcome"]) == ("reusable", "not_available")
    assert (world.registries.times_asked("civil-status"), world.registries.times_asked("health-births")) == (2, 1)


async def test_a_value_of_no_known_shape_goes_to_the_officer(world: World) -> None:
    world.registries.records = world.registries.records | {"civil-status": {"marriage.record": {"status": "?"}}}
    opened = await world.open()
    await world.mother(opened)
    assert (await world.collect(opened))["parents-marriage"]["outcome"] == "officer_check_needed"


async def test_a_look_up_that_died_is_landed_as_unavailable_with_its_event_and_asked_again(world: World) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await put_in_flight(world, opened, subject_id, grant, "marriage.record", since=timedelta(seconds=61))
    assert (await world.collect(opened))["parents-marriage"]["outcome"] == "reusable"
    assert await answers_of(world, subject_id, "civil_status") == ["unavailable", "found"]


async def test_R5_a_provisional_citizen_is_looked_up_once_and_then_like_anybody(world: World) -> None:
    opened = await world.open(channel="counter")
    subject_id, _ = await counter(world, opened, "mother")
    plan = await world.collect(opened)
    assert plan["parents-marriage"]["outcome"] == "reusable"
    told = [data for kind, data in await world.events(subject_id) if kind == "reuse.looked-up.v1"]
    assert [(d["source"], d["identification"]) for d in told][:2] == [("officer_check", False), ("population", True)]


async def test_R5_who_was_confirmed_is_planned_for_and_asked_about_like_anybody_before_identity_learns_of_it(
    world: World,
) -> None:
    world.registries.outcomes["health-births"] = "not_found"
    opened = await world.open(channel="counter")
    subject_id, _ = await counter(world, opened, "mother")
    await world.collect(opened)
    assert (await world.plan(opened))["birth-notification"]["outcome"] == "not_available"
    await world.collect(opened)
    told = [data for kind, data in await world.events(subject_id) if kind == "reuse.looked-up.v1"]
    assert [data["source"] for data in told if data["identification"]] == ["population"]


async def test_R5_a_provisional_citizen_the_register_does_not_know_gets_no_other_look_up(world: World) -> None:
    world.registries.outcomes["population"] = "mismatch"
    opened = await world.open(channel="counter")
    await counter(world, opened, "mother")
    plan = await world.collect(opened)
    assert plan["parents-marriage"]["outcome"] == "officer_check_needed"
    assert {name for name, _ in world.registries.asked} == {"population"}


async def test_R13_before_a_grant_the_plan_says_only_who_is_awaited(world: World) -> None:
    first = await world.open()
    subject_id, _ = await world.mother(first)
    await world.arrives(world.retention(subject_id, "marriage.record"))
    await world.collect(first)
    second = await world.open()
    world.identity.knows(second.party("mother"), subject_id=subject_id, state="reserved")
    assert {item["outcome"] for item in (await world.plan(second)).values()} == {"awaiting_person"}
    assert all(a["source"] is None for item in (await world.plan(second)).values() for a in item["attributes"])


async def test_a_plan_of_a_login_shows_its_own_party_only(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    login: dict[str, Any] = {
        "dossier_uid": opened.uid,
        "party_uid": opened.party("mother"),
        "actor": {"kind": "citizen"},
    }
    items = (await world.plan(opened, **login)).values()
    assert {item["party_uid"] for item in items} == {opened.party("mother")}


async def counter(world: World, opened: Any, role: str) -> tuple[UUID, Any]:
    """Let an officer have checked a card with an unknown number, and decided the legal basis."""
    subject_id = world.identity.knows(opened.party(role), provisional=True, identified_by="officer_check")
    grant = world.grant_of_law(opened, role, subject_id)
    keys = {key: PERSON[key] for key in ("person.pin", "person.full_name", "person.birth_date")}
    world.identity.holds_claims(opened.party(role), keys, source="officer_check")
    await world.arrives(grant)
    return subject_id, grant


async def put_in_flight(
    world: World, opened: Opened, subject_id: UUID, grant: Grant, attribute: str, *, since: timedelta
) -> None:
    """Let a register be asked for an attribute of the mother, under way or for too long."""
    await world.execute(
        """INSERT INTO lookup (lookup_id, attribute, subject_id, dossier_uid, party_uid, source, identification,
                               grant_id, actor, agency_uid, agency_name, started_at)
           VALUES (gen_random_uuid(), $6, $1, $2, $3, 'civil_status', false, $4,
                   '{"kind": "officer", "ref": "off-7", "position": null}', 'ag-000101', 'UBND phường Hồng An', $5)""",
        subject_id, UUID(opened.uid), UUID(opened.party("mother")), grant.grant_id, clock.now() - since, attribute,
    )  # fmt: skip


async def answers_of(world: World, subject_id: UUID, source: str) -> list[str]:
    """Return what a source was told to have answered."""
    told = [data for kind, data in await world.events(subject_id) if kind == "reuse.looked-up.v1"]
    return [each["outcome"] for each in told if each["source"] == source]
