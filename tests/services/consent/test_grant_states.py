"""What others are told of grants when their copy may be too old: signed, and as of a moment read before the rows."""

import asyncio
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest

from infra.embedded.stack import Stack
from services.consent.domain.grant import Grant
from services.consent.service import states
from services.consent.store import grants
from shared import clock, grant_states, ids, jws
from shared.inside import CallRefused
from tests.services.consent.conftest import World
from tests.services.consent.granting import based_on_law, consented

pytestmark = pytest.mark.stack


async def test_named_grants_those_of_the_dossier_and_those_of_keeping_come_signed_with_t(world: World) -> None:
    subject = ids.new()
    kept, law = await consented(world, subject), await based_on_law(world, subject)
    other = await based_on_law(world, subject)
    assert law.recipient is not None
    question = {
        "grant_ids": [str(other.grant_id)],
        "subject_id": str(subject),
        "dossier_uid": str(law.recipient.dossier_uid),
    }
    before = clock.now()
    answer = await world.call("reuse", "POST", "/internal/grants/states", question)
    told = answer.json()["assertion"]
    claims = jws.verify_by_service(told, typ="grant-states+jwt", service="consent", trust=world.service.trust)
    assert (claims["iss"], claims["aud"]) == ("consent", "reuse")
    assert before <= datetime.fromisoformat(str(claims["t"])) <= clock.now()
    named = {grant["grant_id"] for grant in cast(list[dict[str, str]], claims["grants"])}
    assert named == {str(kept.grant_id), str(law.grant_id), str(other.grant_id)}


async def test_what_has_ended_comes_only_where_it_was_taken_to_stand(world: World) -> None:
    subject = ids.new()
    named = await ended(world, subject)
    await ended(world, subject)
    async with world.db.transaction() as tx:
        read = await states.read_states(tx, grant_ids=[named.grant_id], subject_id=subject, dossier_uid=None)
    assert [(grant.grant_id, grant.state) for grant in read.grants] == [(named.grant_id, "withdrawn")]


async def ended(world: World, subject: UUID) -> Grant:
    grant = await consented(world, subject)
    async with world.db.transaction() as tx:
        await grants.update(tx, grant.withdraw(clock.now()))
    return grant


async def test_a_grant_of_somebody_else_is_not_told(world: World) -> None:
    foreign = await consented(world, ids.new())
    async with world.db.transaction() as tx:
        read = await states.read_states(tx, grant_ids=[foreign.grant_id], subject_id=ids.new(), dossier_uid=None)
    assert read.grants == ()


async def test_t_is_read_before_the_rows_so_that_a_commit_in_between_is_seen(world: World, stack: Stack) -> None:
    """The rows are held back until the clock must have been read; what is committed meanwhile is in them."""
    subject = ids.new()
    kept = await consented(world, subject)
    owner = await asyncpg.connect(stack.databases["consent"].owner, ssl=False)
    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE consent_grant IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(read(world, subject))
            while not await owner.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):  # noqa: ASYNC110 - its news come by SQL alone
                await asyncio.sleep(0.01)
            waiting = await owner.fetchval("SELECT clock_timestamp()")
            await owner.execute("UPDATE consent_grant SET use_budget = 7 WHERE grant_id = $1", kept.grant_id)
    finally:
        await owner.close()
    told = await reading
    assert [grant.use_budget for grant in told.grants] == [7]
    assert told.t < waiting


async def read(world: World, subject: UUID) -> states.States:
    async with world.db.transaction() as tx:
        return await states.read_states(tx, grant_ids=[], subject_id=subject, dossier_uid=None)


async def test_identity_is_told_in_words_that_reuse_would_not_take(world: World) -> None:
    question: dict[str, Any] = {"grant_ids": [], "subject_id": str(ids.new()), "dossier_uid": None}
    told = (await world.call("identity", "POST", "/internal/grants/states", question)).json()["assertion"]
    assert grant_states.verify(told, audience="identity", trust=world.service.trust).grants == []
    with pytest.raises(CallRefused):
        grant_states.verify(told, audience="reuse", trust=world.service.trust)


async def test_nobody_else_asks(world: World) -> None:
    question: dict[str, Any] = {"grant_ids": [], "subject_id": str(ids.new()), "dossier_uid": None}
    assert (await world.call("audit", "POST", "/internal/grants/states", question)).status_code == 403
    assert (await world.call("identity", "GET", "/internal/clock")).status_code == 403


async def test_the_clock_is_that_of_the_database(world: World) -> None:
    told = (await world.call("reuse", "GET", "/internal/clock")).json()["now"]
    assert abs((datetime.fromisoformat(told) - clock.now()).total_seconds()) < 2
