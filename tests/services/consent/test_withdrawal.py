"""Withdrawal with a number (architecture §6): committed, then dated, once; by a crash at worst later."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from joserfc import jwt

from services.consent.domain.grant import Grant, StandsOnLaw
from services.consent.policy import UnknownGrant
from services.consent.service import withdraw
from services.consent.store import grants
from shared import clock, ids
from shared.events import written
from tests.services.consent.conftest import World
from tests.services.consent.granting import based_on_law, consented

pytestmark = pytest.mark.stack


async def taken_back(world: World, grant: Grant) -> str:
    receipt = await withdraw.withdraw(
        world.db,
        confirming=world.parts.confirming,
        subject_id=grant.subject_id,
        grant_id=grant.grant_id,
        now=clock.now(),
    )
    return receipt.jws


async def crashed(world: World, grant: Grant) -> None:
    """Do the first step of a withdrawal and die."""
    async with world.db.transaction() as tx:
        await withdraw._take_back(tx, grant.subject_id, grant.grant_id, clock.now())


async def effective_by(world: World, grant_id: UUID) -> datetime | None:
    return await world.value("SELECT effective_by FROM consent_grant WHERE grant_id = $1", grant_id)


async def test_r10_a_withdrawal_names_a_moment_a_lease_after_its_commit(world: World) -> None:
    grant = await consented(world, ids.new())
    before = clock.now()
    receipt = jwt.decode(await taken_back(world, grant), world.parts.signer.key.jwk, algorithms=["ES256"]).claims
    moment = await effective_by(world, grant.grant_id)
    assert moment is not None
    assert before + world.parts.lease <= moment <= clock.now() + world.parts.lease
    assert receipt["effective_by"] == written(moment)
    assert receipt["events"][0]["event_state"] == "withdrawn"
    (_, first), (_, second) = (await world.events(grant.subject_id))[1:]
    assert (first["grant"]["version"], first["grant"]["effective_by"]) == (2, None)
    assert (second["grant"]["version"], second["grant"]["effective_by"]) == (3, written(moment))


async def test_a_repeat_returns_the_same_receipt_and_tells_nobody_again(world: World) -> None:
    grant = await consented(world, ids.new())
    assert await taken_back(world, grant) == await taken_back(world, grant)
    types = [type_ for type_, _ in await world.events(grant.subject_id)]
    assert types == ["consent.granted.v1", "consent.withdrawn.v1", "consent.withdrawal-confirmed.v1"]


async def test_what_a_crash_left_the_sweeper_confirms_after_five_seconds(world: World) -> None:
    grant = await consented(world, ids.new())
    await crashed(world, grant)
    await withdraw.confirm_left_over(world.db, confirming=world.parts.confirming, now=clock.now())
    assert await effective_by(world, grant.grant_id) is None
    later = clock.now() + timedelta(seconds=5)
    await withdraw.confirm_left_over(world.db, confirming=world.parts.confirming, now=later)
    assert await effective_by(world, grant.grant_id) is not None
    assert [type_ for type_, _ in await world.events(grant.subject_id)][-1] == "consent.withdrawal-confirmed.v1"


async def test_at_start_nothing_is_left_waiting(world: World) -> None:
    grant = await consented(world, ids.new())
    await crashed(world, grant)
    await withdraw.confirm_left_over(world.db, confirming=world.parts.confirming, now=clock.now(), at_start=True)
    assert await effective_by(world, grant.grant_id) is not None


async def test_a_retry_after_a_crash_is_confirmed_once_with_the_sweeper_at_its_heels(world: World) -> None:
    grant = await consented(world, ids.new())
    await crashed(world, grant)
    first = await taken_back(world, grant)
    await withdraw.confirm_left_over(world.db, confirming=world.parts.confirming, now=clock.now(), at_start=True)
    assert await taken_back(world, grant) == first
    types = [type_ for type_, _ in await world.events(grant.subject_id)]
    assert types.count("consent.withdrawal-confirmed.v1") == 1


async def test_r10_what_stands_on_law_goes_on(world: World) -> None:
    grant = await based_on_law(world, ids.new())
    with pytest.raises(StandsOnLaw):
        await taken_back(world, grant)
    assert len(await world.events(grant.subject_id)) == 1


async def test_nobody_withdraws_for_another(world: World) -> None:
    grant = await consented(world, ids.new())
    with pytest.raises(UnknownGrant):
        await withdraw.withdraw(
            world.db,
            confirming=world.parts.confirming,
            subject_id=(await consented(world, ids.new())).subject_id,
            grant_id=grant.grant_id,
            now=clock.now(),
        )


async def test_a_grant_changed_meanwhile_is_not_overwritten(world: World) -> None:
    grant = await consented(world, ids.new())
    await crashed(world, grant)
    with pytest.raises(LookupError):
        async with world.db.transaction() as tx:
            await grants.update(tx, grant.run_out(clock.now()))
