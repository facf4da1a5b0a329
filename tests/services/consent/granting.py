"""Puts grants into the database as a decision would: with receipt and event."""

from datetime import timedelta
from uuid import UUID

from services.consent.domain.giving import Outcome
from services.consent.domain.grant import Grant
from services.consent.domain.receipt import Shown
from services.consent.service.giving import give
from services.consent.store import requests
from shared import clock
from tests.services.consent.conftest import World
from tests.services.consent.factories import make_consent, make_grant, make_notice


async def granted(world: World, *grants: Grant) -> None:
    """Give these grants."""
    notice = make_notice()
    async with world.db.transaction() as tx:
        await requests.insert_notice(tx, notice)
        shown = Shown(notice, "pairwise-mother-01")
        await give(tx, Outcome(grants, (), ()), shown=shown, signer=world.parts.signer, now=clock.now())


async def consented(world: World, subject_id: UUID) -> Grant:
    """Let her agree to keeping her name."""
    now = clock.now()
    grant = make_consent(subject_id=subject_id, valid_from=now)
    await granted(world, grant)
    return grant


async def based_on_law(world: World, subject_id: UUID) -> Grant:
    """Give a right of law over her name."""
    grant = make_grant(subject_id=subject_id, valid_from=clock.now() - timedelta(seconds=1))
    await granted(world, grant)
    return grant
