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

    Raises UnknownClaims, ClaimsNotGranted after asking consent, ClaimsNotCollectable where that could not be done or
    they are gone, Unavailable when consent does not answer.
    """
    asked = False
    async with db.read() as tx:
        waiting = await claims.get(tx, claims_id)
    if waiting.may_be_granted_more:
        asked = await _ask_consent(db, given, waiting, now)
    async with db.transaction() as tx:
        return await claims.collect(tx, given.safe, claims_id=claims_id, asked=asked, now=now)


async def _ask_consent(db: Database, given: Parts, waiting: Claims, now: datetime) -> bool:
    """Follow what consent says as its events will, which a broker that is away may hold back for long.

    False where a `consent` of the release before does not tell us.
    """
    told = await given.consent.ask_grants(waiting.subject_id, waiting.dossier_uid)
    for grant in told or ():
        async with db.transaction() as tx:  # one each: nothing of one is locked while another waits for its rows
            await grants.keep_grant(tx, given, grant, now)
    return told is not None
