"""Receipts as they were signed, for whose grant it is: the citizen behind her login, or the client; and their keys."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.consent.domain.ids import SubjectId
from services.consent.given import Given
from services.consent.service import mine
from services.consent.session import citizen, find_citizen
from shared.guards import guard, public
from shared.http import Db, Now, caller, presented
from shared.tokens import Caller

router = APIRouter(prefix="/consent", tags=["receipts"])

MEDIA_TYPE = "application/consent-receipt+jwt"


@guard
async def reader(request: Request, db: Db, now: Now) -> Caller | SubjectId:
    """Return the system whose token came along, else the citizen of this browser; raises Unauthenticated."""
    if "authorization" in request.headers:
        return await caller(await presented(request, now), db)
    return await citizen(await find_citizen(request, db, now))


@router.get(
    "/receipts/{receipt_id}",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}, "description": "A compact JWS."}},
)
async def get_receipt(receipt_id: UUID, who: Annotated[Caller | SubjectId, Depends(reader)], db: Db) -> Response:
    """Return a receipt as it was signed."""
    async with db.read() as tx:
        if isinstance(who, Caller):
            receipt = await mine.get_clients_receipt(tx, caller=who, receipt_id=receipt_id)
        else:
            receipt = await mine.get_own_receipt(tx, subject_id=who, receipt_id=receipt_id)
    headers = {"content-disposition": f'attachment; filename="bien-nhan-{receipt_id}.jwt"'}
    return Response(receipt.jws, media_type=MEDIA_TYPE, headers=headers)


@router.get("/jwks")
@public
async def get_keys(given: Given) -> dict[str, Any]:
    """Publish the keys that verify receipts (RFC 7517)."""
    return given.signer.jwks()
