"""Pushed authorization requests (RFC 9126): everything a login will need is checked before anybody logs in (R7)."""

import re
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe

from services.identity import policy
from services.identity.domain import details
from services.identity.domain.client import FIRST_PARTY, Client
from services.identity.domain.details import Login
from services.identity.domain.dossier import Dossier, UnknownDossier
from services.identity.domain.flow import REQUEST_LIVES, PushedRequest
from services.identity.domain.ids import RequestId
from services.identity.domain.oauth import Error, OAuthError
from services.identity.parts import Parts
from services.identity.service.client_auth import ClientCall
from services.identity.service.mandates import get_agency, get_mandate
from services.identity.store import flows
from shared import ids
from shared.db import Database
from shared.hashes import hash_of
from shared.languages import language_wanted
from shared.tokens import Mandate

URI_PREFIX = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636 §4.2, S256
_LONGEST_STATE = 2048


@dataclass(frozen=True)
class Pushed:
    """Where the client sends the browser next, for a minute."""

    request_uri: str
    expires_in: int


@dataclass(frozen=True)
class _For:
    """What the login is for."""

    mandate: Mandate
    procedure: str | None
    login: Login | None


async def push(db: Database, *, given: Parts, call: ClientCall, now: datetime) -> Pushed:
    """Check a request and keep it for a minute. Raises OAuthError, or Unavailable when `reuse` does not answer."""
    _check_parameters(call)
    audience = policy.check_audience(call.form.get("resource"), origin=given.origin, client=call.client)
    told = details.parse(call.get("authorization_details"))
    purpose = await _purpose(db, given=given, client=call.client, told=told, audience=audience, now=now)
    secret = token_urlsafe(32)
    request = PushedRequest(
        request_id=RequestId(ids.new()),
        client_id=call.client.client_id,
        redirect_uri=call.get("redirect_uri"),
        state=call.form.get("state"),
        code_challenge=call.get("code_challenge"),
        jkt=call.jkt,
        resource=call.get("resource"),
        mandate=purpose.mandate,
        procedure=purpose.procedure,
        login=purpose.login,
        expires_at=now + REQUEST_LIVES,
        language=language_wanted(call.form.get("ui_locales", "")),
    )
    async with db.transaction() as tx:
        await flows.insert_request(tx, request, uri_hash=hash_of(URI_PREFIX + secret), now=now)
    return Pushed(URI_PREFIX + secret, int(REQUEST_LIVES.total_seconds()))


async def _purpose(
    db: Database, *, given: Parts, client: Client, told: details.Details, audience: str, now: datetime
) -> _For:
    if client.is_first_party:
        details.as_self_service(told)
        return _For(FIRST_PARTY, None, None)
    login = details.as_login(told)
    get_agency(given.reference, login.agency_uid, now)
    dossier = policy.check_may_log_in(client, login, await _find_dossier(given, login))
    async with db.read() as tx:
        mandate = await get_mandate(
            tx, client, login.agency_uid, audience=audience, procedure=dossier.procedure, now=now
        )
    return _For(mandate, dossier.procedure, login)


async def _find_dossier(given: Parts, login: Login) -> Dossier | None:
    try:
        return await given.reuse.get_dossier(login.dossier_uid)
    except UnknownDossier:
        return None


def _check_parameters(call: ClientCall) -> None:
    """Check what RFC 9126 and FAPI 2.0 demand of every request, whatever it is for."""
    form = call.form
    if "request_uri" in form or "request" in form:
        raise OAuthError(Error.INVALID_REQUEST, "request and request_uri have no place in a pushed request")
    if form.get("response_type") != "code":
        raise OAuthError(Error.UNSUPPORTED_RESPONSE_TYPE, "response_type must be code")
    if form.get("response_mode", "query") != "query":
        raise OAuthError(Error.INVALID_REQUEST, "response_mode must be query")
    if call.get("redirect_uri") not in call.client.redirect_uris:  # one exact string (RFC 9700 §4.1.3)
        raise OAuthError(Error.INVALID_REQUEST, "redirect_uri is not registered")
    if form.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(call.get("code_challenge")):
        raise OAuthError(Error.INVALID_REQUEST, "code_challenge must be by S256")
    if form.get("dpop_jkt", call.jkt) != call.jkt:  # RFC 9449 §10.1
        raise OAuthError(Error.INVALID_REQUEST, "dpop_jkt is not the key of the proof")
    if len(form.get("state", "")) > _LONGEST_STATE:
        raise OAuthError(Error.INVALID_REQUEST, f"state is longer than {_LONGEST_STATE} characters")
