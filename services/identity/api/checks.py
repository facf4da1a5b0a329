"""What officers' systems call: identify a party by the card that is shown."""

from fastapi import APIRouter

from services.identity.api.schemas import CheckView, NewCheck
from services.identity.given import Given
from services.identity.service import checks
from shared.http import Caller, Db, Now

router = APIRouter(prefix="/identity", tags=["counter"])


@router.post("/checks", status_code=201)
async def identify_party(body: NewCheck, caller: Caller, given: Given, db: Db, now: Now) -> CheckView:
    """Identify a party by the card shown to an officer; the answer never names her surrogate id."""
    return CheckView.of(await checks.identify(db, given=given, caller=caller, check=body.check(), now=now))
