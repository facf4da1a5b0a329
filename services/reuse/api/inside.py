"""Inside calls: identity and consent ask for a dossier with its components."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.reuse.api.dossier_views import InsideDossierView
from services.reuse.store import dossiers
from shared.http import Db, Now
from shared.inside import InsideCaller, inside_caller

router = APIRouter(prefix="/internal", tags=["inside"])

FromOthers = Annotated[InsideCaller, Depends(inside_caller("identity", "consent"))]


@router.get("/dossiers/{dossier_uid}")
async def read_dossier(dossier_uid: UUID, _: FromOthers, db: Db, now: Now) -> InsideDossierView:
    """Describe a dossier as it stands now, with the components pinned at its opening."""
    async with db.read() as tx:
        dossier = await dossiers.get(tx, dossier_uid)
    return InsideDossierView.of(dossier, now)
