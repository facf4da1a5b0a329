"""Dossiers: open, look at, mark as received, close."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.reuse.api.bodies import Closure, NewDossier, Receipt
from services.reuse.api.dossier_views import DossierView, JudgedDossierView
from services.reuse.api.given import Given
from services.reuse.domain.dossier import Dossier
from services.reuse.service import dossiers
from shared.http import Caller, Db, Now, Once, repeatable

router = APIRouter(prefix="/reuse/dossiers", tags=["dossiers"])

OnceShown = Annotated[Once[Dossier], Depends(repeatable(DossierView.of))]


@router.post("", status_code=201)
async def open_dossier(body: NewDossier, caller: Caller, given: Given, once: OnceShown, now: Now) -> DossierView:
    """Open a dossier under the procedure version in force today; the answer names its parties and components."""
    opened = await dossiers.open_dossier(once, given, caller=caller, asked=body.application(), now=now)
    return DossierView.of(opened)


@router.get("/{dossier_uid}")
async def view_dossier(dossier_uid: UUID, caller: Caller, db: Db, now: Now) -> JudgedDossierView:
    """Look at a dossier, the officer's verdicts, and how many papers were not asked for."""
    async with db.read() as tx:
        viewed = await dossiers.view(tx, caller=caller, dossier_uid=dossier_uid, now=now)
    return JudgedDossierView.of(viewed)


@router.post("/{dossier_uid}/receipt")
async def receive_dossier(dossier_uid: UUID, body: Receipt, caller: Caller, once: OnceShown, now: Now) -> DossierView:
    """Mark a dossier as received under its official code; the same code again is no error, another one is."""
    async with once.transaction() as tx:
        received = await dossiers.receive(
            tx, caller=caller, dossier_uid=dossier_uid, official_code=body.official_code, now=now
        )
        await once.keep(tx, received)
    return DossierView.of(received)


@router.post("/{dossier_uid}/closure")
async def close_dossier(dossier_uid: UUID, body: Closure, caller: Caller, once: OnceShown, now: Now) -> DossierView:
    """Close a dossier: nothing is collected for it or released to it any more."""
    async with once.transaction() as tx:
        closed = await dossiers.close(tx, caller=caller, dossier_uid=dossier_uid, outcome=body.outcome, now=now)
        await once.keep(tx, closed)
    return DossierView.of(closed)
