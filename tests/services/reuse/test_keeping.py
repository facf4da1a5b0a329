"""Evidence is kept as long as something holds it, and not a moment longer."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId
from services.reuse.service import grants, holdings
from services.reuse.store import evidence
from shared import clock
from shared.errors import Unavailable
from tests.services.reuse.conftest import NGO_QUYEN, Opened, World, code_of, until_it_waits

pytestmark = pytest.mark.stack


async def test_R6_without_a_consent_to_keep_the_next_dossier_starts_from_nothing(world: World) -> None:
    first = await world.open()
    subject_id, _ = await world.mother(first)
    await world.collect(first)
    second = await world.open()
    world.identity.knows(second.party("mother"), subject_id=subject_id)
    await world.arrives(world.grant_of_law(second, "mother", subject_id))
    assert (await world.plan(second))["mother-identity"]["outcome"] == "login_again"
    assert code_of(await world.release(second, "mother-identity")) == (403, "evidence_not_held")


async def test_R9_evidence_goes_with_its_last_holding_and_says_so(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.arrives(world.retention(subject_id, "marriage.record"))
    await world.collect(opened)
    await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"})
    assert await held(world, subject_id) == {"marriage.record"}
    deleted = [data for kind, data in await world.events(subject_id) if kind == "reuse.evidence-deleted.v1"]
    assert {each["reason"] for each in deleted} == {"dossier_closed"}
    assert "marriage.record" not in {each["attribute"] for each in deleted}


async def test_R9_while_another_holding_stands_evidence_stays_when_one_ends(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    kept = world.retention(subject_id, "marriage.record")
    await world.arrives(kept)
    await world.collect(opened)
    await world.ends(kept)
    assert "marriage.record" in await held(world, subject_id)


async def of_two_agencies(world: World) -> tuple[Opened, UUID, Grant, Grant]:
    """Let the receiving agency have collected, and the supporting one have a right since; return both rights."""
    opened = await world.open(supporting=NGO_QUYEN["uid"])
    subject_id, receiving = await world.mother(opened)
    await world.collect(opened)
    there = replace(world.grant_of_law(opened, "mother", subject_id), agency_uid=NGO_QUYEN["uid"])
    await world.arrives(there)
    return opened, subject_id, receiving, there


async def test_R9_what_is_held_for_a_dossier_stays_while_another_of_its_agencies_has_a_right(world: World) -> None:
    opened, subject_id, receiving, there = await of_two_agencies(world)
    everything = await held(world, subject_id)
    assert "person.pin" in everything
    await world.ends(receiving, "ended")
    assert await held(world, subject_id) == everything
    answer = await world.release(opened, "mother-identity", agency=NGO_QUYEN)
    released = [data for kind, data in await world.events(subject_id) if kind == "reuse.released.v1"]
    assert (answer.status_code, released[-1]["grant_ids"]) == (200, [str(there.grant_id)])
    await world.ends(there, "ended")
    assert await held(world, subject_id) == set()


async def test_R9_a_right_that_replaces_another_goes_on_holding_what_it_still_names(world: World) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await world.collect(opened)
    everything = await held(world, subject_id)
    less = world.grant_of_law(opened, "mother", subject_id)
    less = replace(
        less,
        attributes=tuple(a for a in less.attributes if a != "marriage.record"),
        opted_out=(AttributeId("marriage.record"),),
    )
    await world.arrives(less)
    await world.ends(grant, "ended")
    assert await held(world, subject_id) == everything - {"marriage.record"}
    assert (await world.plan(opened))["mother-identity"]["outcome"] == "reusable"


async def test_R9_two_rights_that_end_at_once_leave_nothing_behind(world: World) -> None:
    _, subject_id, receiving, there = await of_two_agencies(world)

    async def end(grant: Grant) -> None:
        while True:  # as a reader does: of two that wait for each other one is undone, and tried again
            with suppress(Unavailable):
                await world.ends(grant, "ended")
                return

    await asyncio.gather(end(receiving), end(there))
    assert await held(world, subject_id) == set()
    assert await world.value("SELECT count(*) FROM holding WHERE subject_id = $1", subject_id) == 0


async def test_R3_a_dossier_that_is_just_being_closed_is_not_held_for_again(world: World) -> None:
    opened, subject_id, receiving, _ = await of_two_agencies(world)
    await world.arrives(world.retention(subject_id, "marriage.record"))
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE dossier SET state = 'closed', closed_at = now(), outcome = 'granted' WHERE dossier_uid = $1",
            UUID(opened.uid),
        )
        await evidence.end_holdings_for(tx, UUID(opened.uid))
        ending = asyncio.create_task(world.ends(receiving, "ended"))
        await until_it_waits(world, ending)
    await ending
    assert await world.value("SELECT count(*) FROM holding WHERE dossier_uid = $1", UUID(opened.uid)) == 0
    assert "marriage.record" in await held(world, subject_id)


async def test_what_is_no_news_waits_for_nobody(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    async with world.db.transaction() as tx:
        await tx.execute("SELECT FROM grant_copy WHERE grant_id = $1 FOR UPDATE", grant.grant_id)
        await asyncio.wait_for(world.arrives(grant), 2)


async def test_one_answer_with_an_ended_right_and_the_one_in_its_place_lets_nothing_go(world: World) -> None:
    opened = await world.open()
    subject_id, old = await world.mother(opened)
    await world.collect(opened)
    everything = await held(world, subject_id)
    new = world.grant_of_law(opened, "mother", subject_id)
    ended = replace(old, state="ended", version=old.version + 1)
    async with world.db.transaction() as tx:
        await grants.learn(tx, ended, new, now=clock.now())
    assert await held(world, subject_id) == everything
    async with world.db.transaction() as tx:
        await grants.learn(tx, replace(new, state="ended", version=new.version + 1), now=clock.now())
    assert await held(world, subject_id) == set()


async def test_R10_withdrawing_the_keeping_deletes_what_only_it_kept(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    kept = world.retention(subject_id, "marriage.record")
    await world.arrives(kept)
    await world.collect(opened)
    await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"})
    await world.ends(kept)
    assert await held(world, subject_id) == set()
    assert (await world.events(subject_id))[-1][1]["reason"] == "grant_withdrawn"


async def test_a_retention_grant_that_arrives_late_keeps_what_was_collected_meanwhile(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    kept = world.retention(subject_id, "marriage.record")
    await world.collect(opened)
    await world.arrives(kept)
    await world.ask("POST", f"/reuse/dossiers/{opened.uid}/closure", {"outcome": "granted"})
    assert await held(world, subject_id) == {"marriage.record"}


async def test_R11_a_grant_whose_time_is_over_holds_nothing_after_the_next_sweep(world: World) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await world.collect(opened)
    await world.execute("UPDATE grant_copy SET valid_until = clock_timestamp() WHERE grant_id = $1", grant.grant_id)
    await holdings.sweep(world.db, clock.now() + timedelta(seconds=1))
    assert await held(world, subject_id) == set()


async def held(world: World, subject_id: UUID) -> set[str]:
    """Return what is held of a subject."""
    return set(await world.value("SELECT array(SELECT attribute FROM evidence WHERE subject_id = $1)", subject_id))
