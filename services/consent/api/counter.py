"""What officers' systems call: decide that a legal basis applies, and end one with a reason."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.consent.api.schemas import GrantView, LegalBasisDecision, NewEnding, NewLegalBasisDecision
from services.consent.domain.grant import Grant
from services.consent.given import Given
from services.consent.service import end, legal_basis
from shared.http import Caller, Db, Now, Once, repeatable

router = APIRouter(prefix="/consent", tags=["counter"])

OneDecision = Annotated[Once[list[Grant]], Depends(repeatable(LegalBasisDecision.of))]
OneEnding = Annotated[Once[Grant], Depends(repeatable(GrantView.of))]


@router.post("/legal-basis-decisions")
async def decide_legal_basis(
    body: NewLegalBasisDecision, caller: Caller, given: Given, once: OneDecision, now: Now
) -> LegalBasisDecision:
    """Decide that the pinned rules apply to a party of a dossier; repeating it changes nothing."""
    grants = await legal_basis.decide_legal_basis(once, counter=given.counter, caller=caller, case=body.case(), now=now)
    return LegalBasisDecision.of(grants)


@router.post("/grants/{grant_id}/ending")
async def end_legal_basis(
    grant_id: UUID, body: NewEnding, caller: Caller, given: Given, db: Db, once: OneEnding, now: Now
) -> GrantView:
    """End a right of law by an officer's reasoned decision."""
    ended = await end.end_by_officer(
        db, once=once, reuse=given.reuse, caller=caller, grant_id=grant_id, reason=body.reason, now=now
    )
    return GrantView.of(ended)
