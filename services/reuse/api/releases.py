"""The hot path's route, and the keys that releases are verified with."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.reuse.api.bodies import ReleaseRequest
from services.reuse.api.given import Given
from services.reuse.api.views import KeptReleaseView, ReleaseView
from services.reuse.domain.ids import DossierUid, PartyUid
from services.reuse.service import release
from services.reuse.store.release import Wanted
from shared import tokens
from shared.front import Front, Plain
from shared.http import Caller, Db, Now, Once, public, repeatable

router = APIRouter(prefix="/reuse", tags=["releases"])


OneRelease = Annotated[Once[UUID], Depends(repeatable(lambda kept: KeptReleaseView(release_id=kept), again=True))]


@router.post("/dossiers/{dossier_uid}/releases")
async def release_party(
    dossier_uid: UUID, body: ReleaseRequest, caller: Caller, given: Given, db: Db, once: OneRelease, now: Now,
    response: Response,
) -> ReleaseView:  # fmt: skip
    """Release verified attributes of one party.

    A repeat under an Idempotency-Key releases the same evidence once more if it may still be released now, spends no
    use, and names the first in `replay_of`.
    """
    wanted = _wanted(dossier_uid, body, caller)
    released = await release.release_once(db, given, wanted=wanted, once=once, now=now)
    if released.replay_of:
        response.headers["idempotency-replayed"] = "true"
    return ReleaseView.of(released)


async def _release_plainly(asked: Plain[ReleaseRequest]) -> ReleaseView:
    """Release without a key: the proof is used up by the statement that authorises it."""
    db, parts = asked.state.service.db, asked.state.parts
    wanted = _wanted(asked.uid, asked.body, asked.presented.caller)
    return ReleaseView.of(await release.release(db, parts, wanted=wanted, proof=asked.presented.proof, now=asked.now))


def _wanted(dossier_uid: UUID, body: ReleaseRequest, caller: tokens.Caller) -> Wanted:
    return Wanted(
        dossier_uid=DossierUid(dossier_uid),
        party_uid=PartyUid(body.party_uid),
        component_ids=None if body.component_ids is None else tuple(dict.fromkeys(body.component_ids)),
        caller=caller,
    )


FRONT = Front("/reuse/dossiers/{dossier_uid}/releases", ReleaseRequest, _release_plainly)


@router.get("/jwks")
@public
async def read_jwks(given: Given) -> dict[str, Any]:
    """Publish the keys that sign releases (RFC 7517)."""
    return given.signer.jwks()
