"""Inside calls: consent and reuse ask who a party is; reuse collects the claims of a login or a check."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.identity.api.schemas import CollectedView, PartyView
from services.identity.domain.ids import ClaimsId, DossierUid, PartyUid
from services.identity.given import Given
from services.identity.service import claims, collect, who
from shared.http import Body, Db, Now
from shared.inside import InsideCaller, inside_caller

router = APIRouter(prefix="/internal", tags=["inside"])

FromConsentOrReuse = Annotated[InsideCaller, Depends(inside_caller("consent", "reuse"))]
FromReuse = Annotated[InsideCaller, Depends(inside_caller("reuse"))]


class Nothing(Body):
    """An empty object."""


@router.get("/dossiers/{dossier_uid}/parties/{party_uid}")
async def get_party(
    dossier_uid: UUID,
    party_uid: UUID,
    agency_uid: Annotated[str, Query(max_length=60)],
    _: FromConsentOrReuse,
    given: Given,
    db: Db,
    now: Now,
) -> PartyView:
    """Say who a party is; nobody yet is an answer too."""
    async with db.transaction() as tx:  # writes: a sector may meet her for the first time
        answer = await who.who_is(
            tx,
            given=given,
            dossier_uid=DossierUid(dossier_uid),
            party_uid=PartyUid(party_uid),
            agency_uid=agency_uid,
            now=now,
        )
    return PartyView.of(answer)


@router.post("/claims/{claims_id}/collection")
async def collect_claims(
    claims_id: UUID, _body: Nothing, _: FromReuse, given: Given, db: Db, now: Now
) -> CollectedView:
    """Give out granted claims; they stay until they are confirmed."""
    return CollectedView.of(await collect.collect(db, given, claims_id=ClaimsId(claims_id), now=now))


@router.post("/claims/{claims_id}/confirmation", status_code=204)
async def confirm_claims(claims_id: UUID, _body: Nothing, _: FromReuse, db: Db, now: Now) -> None:
    """Delete what `reuse` now holds; repeating it changes nothing."""
    async with db.transaction() as tx:
        await claims.confirm(tx, claims_id=ClaimsId(claims_id), now=now)
