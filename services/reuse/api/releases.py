"""The hot path's route, and the keys that releases are verified with."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.reuse.api.bodies import ReleaseRequest
from services.reuse.api.given import Given
from services.reuse.api.views import ReleaseView
from services.reuse.domain.words import DossierUid, PartyUid
from services.reuse.service import release
from services.reuse.store.release import Wanted
from shared.front import Front, Plain
from shared.http import Db, Now, UnconsumedCaller, public
from shared.keys import jwks

router = APIRouter(prefix="/reuse", tags=["releases"])


@router.post("/dossiers/{dossier_uid}/releases")
async def release_party(
    dossier_uid: UUID, body: ReleaseRequest, presented: UnconsumedCaller, given: Given, db: Db, now: Now
) -> ReleaseView:
    """Release verified attributes of one party; the proof is used up by the statement that authorises it."""
    wanted = Wanted(
        dossier_uid=DossierUid(dossier_uid),
        party_uid=PartyUid(body.party_uid),
        component_ids=None if body.component_ids is None else tuple(dict.fromkeys(body.component_ids)),
        caller=presented.caller,
    )
    return ReleaseView.of(await release.release(db, given, wanted=wanted, proof=presented.proof, now=now))


async def _release_plainly(asked: Plain[ReleaseRequest]) -> ReleaseView:
    state = asked.state
    return await release_party(asked.uid, asked.body, asked.presented, state.parts, state.service.db, asked.now)


FRONT = Front("/reuse/dossiers/{dossier_uid}/releases", ReleaseRequest, _release_plainly)


@router.get("/jwks")
@public
async def read_jwks(given: Given) -> dict[str, Any]:
    """Publish the keys that sign releases (RFC 7517)."""
    return jwks([given.signer.key])
