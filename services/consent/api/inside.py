"""Inside calls: identity opens a request and reads its decision; both others ask how grants stand; reuse, the clock."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Request

from services.consent.api.schemas import (
    Assertion,
    Clock,
    DecisionView,
    NewRequest,
    OpenedRequest,
    StatesQuestion,
)
from services.consent.events import grant_state
from services.consent.given import Given
from services.consent.service import request as requests
from services.consent.service import states
from shared import grant_states
from shared.errors import Invalid
from shared.http import Db, Now, service_of
from shared.inside import InsideCaller, inside_caller
from shared.settings import check_origin

router = APIRouter(prefix="/internal", tags=["inside"])

FromIdentity = Annotated[InsideCaller, Depends(inside_caller("identity"))]
FromReuse = Annotated[InsideCaller, Depends(inside_caller("reuse"))]
FromIdentityOrReuse = Annotated[InsideCaller, Depends(inside_caller("identity", "reuse"))]


class ForeignAddress(Invalid):
    """The browser is sent back to identity and to nobody else; forms lead to one origin that is an origin."""

    code = "foreign_address"


@router.post("/requests")
async def open_request(
    body: NewRequest, _: FromIdentity, request: Request, given: Given, db: Db, now: Now
) -> OpenedRequest:
    """Open a consent request for a login; idempotent per flow, with a fresh ticket each time."""
    _check_addresses(body, service_of(request).settings.issuer)
    opened = await requests.open_request(db, reuse=given.reuse, catalogue=given.catalogue, asked=body.asked(), now=now)
    return OpenedRequest.of(opened, given.own_url)


@router.get("/requests/{request_id}/decision")
async def read_decision(request_id: UUID, _: FromIdentity, db: Db, now: Now) -> DecisionView:
    """Say what became of a request."""
    async with db.transaction() as tx:
        decision = await requests.read_decision(tx, request_id=request_id, now=now)
    return DecisionView.of(request_id, decision)


@router.post("/grants/states")
async def assert_states(body: StatesQuestion, caller: FromIdentityOrReuse, request: Request, db: Db) -> Assertion:
    """Sign how these grants stand, as of a moment read before they were."""
    async with db.transaction() as tx:
        read = await states.read_states(
            tx, grant_ids=body.grant_ids, subject_id=body.subject_id, dossier_uid=body.dossier_uid
        )
    told = [grant_state(each) for each in read.grants]
    key = service_of(request).key
    return Assertion(assertion=grant_states.sign(key, audience=caller.service, t=read.t, grants=told))


@router.get("/clock")
async def read_clock(_: FromReuse, db: Db) -> Clock:
    """Say the time of consent's primary, by which withdrawals are told."""
    async with db.statement() as tx:
        return Clock(now=await states.read_clock(tx))


def _check_addresses(body: NewRequest, issuer: str) -> None:
    try:
        check_origin(body.redirect_origin)
        back, home = urlsplit(body.return_url), urlsplit(issuer)
    except ValueError:
        raise ForeignAddress from None
    if (back.scheme, back.netloc) != (home.scheme, home.netloc) or not back.path.startswith(home.path + "/"):
        raise ForeignAddress
