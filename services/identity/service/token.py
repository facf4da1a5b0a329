"""The token endpoint: a code for a login, or a client's own work (RFC 6749 §4.1.3, §4.4)."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256

from pydantic import JsonValue

from services.identity import policy
from services.identity.domain import details
from services.identity.domain.flow import Flow, PushedRequest
from services.identity.domain.oauth import Error, OAuthError
from services.identity.parts import Parts
from services.identity.service.client_auth import ClientCall
from services.identity.service.mandates import get_agency, get_mandate
from services.identity.store import citizens, codes, flows
from services.identity.tokens import Entitlement, Issued
from shared import spans
from shared.db import Database, Tx
from shared.hashes import hash_of
from shared.tokens import SELF_SERVICE, Actor


async def exchange(db: Database, *, given: Parts, call: ClientCall, now: datetime) -> Issued:
    """Issue a token bound to the key of this request's proof. Raises OAuthError."""
    match call.form.get("grant_type"):
        case "authorization_code":
            return await _trade_code(db, given, call, now)
        case "client_credentials":
            return await _for_work(db, given, call, now)
        case None | "":
            raise OAuthError(Error.INVALID_REQUEST, "grant_type is missing")
        case _:
            raise OAuthError(Error.UNSUPPORTED_GRANT_TYPE, "authorization_code or client_credentials")


async def _trade_code(db: Database, given: Parts, call: ClientCall, now: datetime) -> Issued:
    """Trade a code once. A second time revokes what the first gave, which must outlive the refusal."""
    code_hash = hash_of(call.get("code"))
    async with db.transaction() as tx:
        code = await codes.find_for_update(tx, code_hash)
        flow = await flows.find_for_update(tx, code.flow_id) if code else None
        if code is None or flow is None or flow.request.client_id != call.client.client_id:
            raise _invalid_grant()
        spans.link(flow.traceparent)
        if code.is_used:
            await codes.revoke(tx, code_hash, now)
        else:
            _check_trade(call, flow.request, code.expires_at, now)
            issued = given.tokens.issue(await _login_entitlement(tx, given, call, flow, code.attributes, now), now)
            await codes.use(tx, code_hash, token_id=issued.token_id, now=now)
            return issued
    raise _invalid_grant()


def _check_trade(call: ClientCall, request: PushedRequest, expires_at: datetime, now: datetime) -> None:
    """Check that who trades the code is who pushed the request; a failed try leaves the code good."""
    if now >= expires_at or call.jkt != request.jkt:  # RFC 9449 §10: the key of the pushed request's proof
        raise _invalid_grant()
    if not hmac.compare_digest(_s256(call.get("code_verifier")), request.code_challenge):
        raise _invalid_grant()
    if call.form.get("redirect_uri", request.redirect_uri) != request.redirect_uri:
        raise _invalid_grant()
    if call.form.get("resource", request.resource) != request.resource:
        raise OAuthError(Error.INVALID_TARGET, "resource differs from the pushed request")


async def _login_entitlement(
    tx: Tx, given: Parts, call: ClientCall, flow: Flow, granted: tuple[str, ...], now: datetime
) -> Entitlement:
    who, request = flow.logged_in(), flow.request
    more: dict[str, JsonValue] = {"auth_time": int(who.auth_time.timestamp()), "acr": who.acr}
    if login := request.login:
        agency = get_agency(given.reference, login.agency_uid, now)
        audience = policy.check_audience(request.resource, origin=given.origin, client=call.client)
        mandate = await get_mandate(
            tx, call.client, login.agency_uid, audience=audience, procedure=request.procedure, now=now
        )
        sector, told = agency.sector, login.granted(granted)
        more |= {"dossier_uid": str(login.dossier_uid), "party_uid": str(login.party_uid)}
    else:  # our own page: the only client that learns the surrogate id
        agency, mandate, sector, told = None, request.mandate, SELF_SERVICE.sector, details.SELF_SERVICE
        more |= {"subject_id": str(who.subject_id)}
    return Entitlement(
        client_id=request.client_id,
        sub=await citizens.sub_for(tx, who.subject_id, sector),
        audience=request.resource,
        jkt=call.jkt,
        agency=agency,
        mandate=mandate,
        actor=Actor("citizen"),
        details=told,
        more=more,
    )


async def _for_work(db: Database, given: Parts, call: ClientCall, now: datetime) -> Issued:
    """Issue a token for an officer or a machine of an agency."""
    if call.client.is_first_party:
        raise OAuthError(Error.UNAUTHORIZED_CLIENT, "this client logs citizens in and does nothing else")
    audience = policy.check_audience(call.form.get("resource"), origin=given.origin, client=call.client)
    work = details.as_work(details.parse(call.get("authorization_details")))
    if audience == "audit" and work.actor.kind != "officer":
        raise details.refused("officer_needed: the log is read by an officer")
    agency = get_agency(given.reference, work.agency_uid, now)
    async with db.read() as tx:
        mandate = await get_mandate(tx, call.client, work.agency_uid, audience=audience, procedure=None, now=now)
    entitled = Entitlement(
        client_id=call.client.client_id,
        sub=call.client.client_id,
        audience=call.get("resource"),
        jkt=call.jkt,
        agency=agency,
        mandate=mandate,
        actor=work.actor,
        details=work.granted(),
    )
    return given.tokens.issue(entitled, now)


def _s256(verifier: str) -> str:
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():  # RFC 7636 §4.1
        raise _invalid_grant()
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _invalid_grant() -> OAuthError:
    return OAuthError(Error.INVALID_GRANT, "the code is unknown, used, expired, or bound to another client or key")
