"""Begins a login: a browser comes with a request_uri and is sent on to VNeID (RFC 9126 §4)."""

from datetime import datetime
from secrets import token_urlsafe

from services.identity.clients.vneid.client import Secrets
from services.identity.domain.flow import Flow, FlowState, PushedRequest
from services.identity.domain.ids import FlowId
from services.identity.domain.login import LoginFailed
from services.identity.parts import Parts
from services.identity.service.fail import fail
from services.identity.service.steps import GoTo
from services.identity.store import flows
from shared import ids, telemetry
from shared.db import Database
from shared.errors import Forbidden
from shared.hashes import hash_of
from shared.languages import Language


class RequestUriSpent(Forbidden):
    """The request_uri is unknown, another client's, older than a minute, or a login came of it already."""

    code = "request_uri_spent"


async def begin(
    db: Database,
    *,
    given: Parts,
    client_id: str,
    request_uri: str,
    browser_hash: bytes,
    language: Language,
    now: datetime,
) -> GoTo:
    """Open a flow for this browser and return where it goes; each tab has a flow of its own.

    Nobody is redirected to an address that was not pushed: raises RequestUriSpent. Once it is known, VNeID's absence
    is told to the client. VNeID is asked to speak as the client asked for (`ui_locales`), else as our pages do.
    """
    secrets = Secrets(state=token_urlsafe(32), nonce=token_urlsafe(32), code_verifier=token_urlsafe(48))
    async with db.transaction() as tx:
        request = await flows.find_request(tx, hash_of(request_uri))
        flow = _new_flow(_check_usable(request, client_id, now), secrets, browser_hash, now)
        await flows.insert_flow(tx, flow, state_hash=hash_of(secrets.state))
    try:
        wanted = flow.request.language
        return GoTo(await given.vneid.authorization_url(secrets, now, language=wanted or language), wanted)
    except LoginFailed as failed:
        return await fail(db, flow, failed.reason, issuer=given.issuer, now=now)


def _check_usable(request: PushedRequest | None, client_id: str, now: datetime) -> PushedRequest:
    if request is None or request.client_id != client_id or now >= request.expires_at or request.logged_in:
        raise RequestUriSpent
    return request


def _new_flow(request: PushedRequest, secrets: Secrets, browser_hash: bytes, now: datetime) -> Flow:
    return Flow(
        flow_id=FlowId(ids.new()),
        request=request,
        browser_hash=browser_hash,
        state=FlowState.STARTED,
        started_at=now,
        returned=False,
        nonce=secrets.nonce,
        code_verifier=secrets.code_verifier,
        traceparent=telemetry.traceparent(),
    )
