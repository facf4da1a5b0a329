"""Gives claims out to be collected; where consent's events have not told of the right yet, consent is asked (§4.2)."""

from datetime import datetime

from services.identity.domain.claims import Claims
from services.identity.domain.ids import ClaimsId
from services.identity.parts import Parts
from services.identity.service import claims, grants
from services.identity.service.claims import Collected
from shared.db import Database


async def collect(db: Database, given: Parts, *, claims_id: ClaimsId, now: datetime) -> Collected:
    """Return granted claims; they stay until they are confirmed, so that nothing is lost on the way.

    Raises UnknownClaims, ClaimsNotCollectable, or Unavailable when consent has to be asked and does not answer.
    """
    async with db.read() as tx:
        waiting = await claims.get(tx, claims_id)
    if waiting.may_be_granted_more:
        await _ask_consent(db, given, waiting, now)
    async with db.transaction() as tx:
        return await claims.collect(tx, given.safe, claims_id=claims_id)


async def _ask_consent(db: Database, given: Parts, waiting: Claims, now: datetime) -> None:
    """Follow what consent says as its events will, which a broker that is away may hold back for long."""
    told = await given.consent.ask_grants(waiting.subject_id, waiting.dossier_uid)
    async with db.transaction() as tx:
        for grant in sorted(told, key=lambda each: each.grant_id):
            await grants.keep_grant(tx, given, grant, now)
