"""The officer's verdict on each component, and the result."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from services.reuse.api.bodies import Acceptance, NewResult, Rejection
from services.reuse.api.given import Given
from services.reuse.api.views import ResultView, VerdictView
from services.reuse.domain.verdict import Deposit, Verdict
from services.reuse.service import results, verdicts
from shared.http import Caller, Db, Now, Once, repeatable

router = APIRouter(prefix="/reuse/dossiers/{dossier_uid}", tags=["judging"])

Component = Annotated[str, Path(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=60)]
OneVerdict = Annotated[Once[Verdict], Depends(repeatable(VerdictView.of))]
OneResult = Annotated[Once[Deposit], Depends(repeatable(ResultView.of))]


@router.post("/components/{component_id}/acceptance")
async def accept_component(
    dossier_uid: UUID,
    component_id: Component,
    caller: Caller,
    once: OneVerdict,
    now: Now,
    body: Acceptance | None = None,
) -> VerdictView:
    """Accept a component: only now its paper counts as not asked for."""
    async with once.transaction() as tx:
        verdict = await verdicts.judge(
            tx, caller=caller, dossier_uid=dossier_uid, component_id=component_id, rejected_for=None, now=now
        )
        await once.keep(tx, verdict)
    return VerdictView.of(verdict)


@router.post("/components/{component_id}/rejection")
async def reject_component(
    dossier_uid: UUID, component_id: Component, body: Rejection, caller: Caller, once: OneVerdict, now: Now
) -> VerdictView:
    """Reject a component, and say why by a code."""
    async with once.transaction() as tx:
        verdict = await verdicts.judge(
            tx, caller=caller, dossier_uid=dossier_uid, component_id=component_id, rejected_for=body.reason, now=now
        )
        await once.keep(tx, verdict)
    return VerdictView.of(verdict)


@router.post("/results", status_code=201)
async def deposit_result(
    dossier_uid: UUID, body: NewResult, caller: Caller, given: Given, db: Db, once: OneResult, now: Now
) -> ResultView:
    """Deposit the procedure's result as evidence of the person it is about; only the competent agency may."""
    made = await results.deposit(
        db, given, once=once, caller=caller, dossier_uid=dossier_uid, party_uid=body.party_uid,
        result_type=body.result_type, value=body.value, now=now,
    )  # fmt: skip
    return ResultView.of(made)
