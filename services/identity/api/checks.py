"""What officers' systems call: identify a party by the card that is shown."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.identity.api.schemas import CheckView, NewCheck
from services.identity.given import Given
from services.identity.service import checks
from services.identity.service.checks import Checked
from shared.http import Caller, Db, Now, Once, repeatable

router = APIRouter(prefix="/identity", tags=["counter"])

OneCheck = Annotated[Once[Checked], Depends(repeatable(CheckView.of))]


@router.post("/checks", status_code=201)
async def identify_party(body: NewCheck, caller: Caller, given: Given, db: Db, once: OneCheck, now: Now) -> CheckView:
    """Identify a party by the card shown to an officer; the answer never names her surrogate id."""
    return CheckView.of(await checks.identify(db, once, given=given, caller=caller, check=body.check(), now=now))
