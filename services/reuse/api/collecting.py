"""Plan and collect."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.reuse.api.bodies import Collection
from services.reuse.api.given import Given
from services.reuse.api.views import CollectedView, PlanView
from services.reuse.service import collect, plan
from shared.http import Caller, Db, Now, Once, repeatable

router = APIRouter(prefix="/reuse/dossiers/{dossier_uid}", tags=["collecting"])

OneCollection = Annotated[Once[CollectedView], Depends(repeatable(lambda shown: shown))]


@router.get("/plan")
async def plan_dossier(dossier_uid: UUID, caller: Caller, given: Given, db: Db, now: Now) -> PlanView:
    """Say of each component whether it can be reused, what is missing, and who has to do what next."""
    return PlanView.of(await plan.plan(db, given, caller=caller, dossier_uid=dossier_uid, now=now))


@router.post("/collection")
async def collect_party(
    dossier_uid: UUID, body: Collection, caller: Caller, given: Given, db: Db, once: OneCollection, now: Now
) -> CollectedView:
    """Collect what is granted of one party: claims that wait, then registries; answers with her plan as it is then."""
    async with once.claim():
        items = await collect.collect(
            db, given, caller=caller, dossier_uid=dossier_uid, party_uid=body.party_uid, now=now
        )
        return await once.settle(CollectedView.of(dossier_uid, body.party_uid, items))
