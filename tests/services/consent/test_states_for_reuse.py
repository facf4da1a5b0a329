"""What reuse is told of grants when its own copy may be too old: signed, and as of a moment read before the rows."""

from datetime import datetime
from typing import Any, cast

import pytest

from services.consent.service import states
from shared import clock, ids, jws
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


async def test_a_grant_of_somebody_else_is_not_told(world: World) -> None:
    foreign = await consented(world, ids.new())
    async with world.db.transaction() as tx:
        read = await states.read_states(tx, grant_ids=[foreign.grant_id], subject_id=ids.new(), dossier_uid=None)
    assert read.grants == ()


async def test_t_is_read_before_the_rows_so_that_a_commit_in_between_is_seen(world: World) -> None:
    subject = ids.new()
    async with world.db.transaction() as tx:
        t = await tx.fetchval("SELECT clock_timestamp()")
        await consented(world, subject)
        read = await states.read_states(tx, grant_ids=[], subject_id=subject, dossier_uid=None)
    assert len(read.grants) == 1
    assert t < read.t


async def test_reuse_and_nobody_else_asks(world: World) -> None:
    question: dict[str, Any] = {"grant_ids": [], "subject_id": str(ids.new()), "dossier_uid": None}
    assert (await world.call("identity", "POST", "/internal/grants/states", question)).status_code == 403
    assert (await world.call("identity", "GET", "/internal/clock")).status_code == 403


async def test_the_clock_is_that_of_the_database(world: World) -> None:
    told = (await world.call("reuse", "GET", "/internal/clock")).json()["now"]
    assert abs((datetime.fromisoformat(told) - clock.now()).total_seconds()) < 2
