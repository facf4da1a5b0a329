"""Takes VNeID's answer: once, in the browser that asked, and only after every check has passed."""

import hmac
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import JsonValue

from services.identity import events, policy
from services.identity.clients.vneid.client import Secrets
from services.identity.domain.flow import (
    FLOW_TRANSITIONS,
    Flow,
    FlowMove,
    FlowOver,
    FlowState,
    LoggedIn,
    Purpose,
    UnknownFlow,
)
from services.identity.domain.ids import LoginId
from services.identity.domain.login import LoginFailed, Reason, VerifiedLogin
from services.identity.domain.party import PartyMismatch
from services.identity.domain.person import Capacity
from services.identity.parts import Parts
from services.identity.service import citizens, claims, hand_over, parties
from services.identity.service.fail import fail
from services.identity.service.steps import Step
from services.identity.store import flows
from shared import ids, outbox, spans
from shared.db import Database, Tx
from shared.hashes import hash_of
from shared.transitions import after


@dataclass(frozen=True)
class Callback:
    """What the browser brought from VNeID; None where a parameter is missing."""

    state: str = field(repr=False)
    iss: str | None
    code: str | None = field(repr=False, default=None)
    error: str | None = None


_ERRORS = {
    "access_denied": Reason.REFUSED,
    "login_required": Reason.REFUSED,
    "interaction_required": Reason.REFUSED,
    "temporarily_unavailable": Reason.SOURCE_UNAVAILABLE,
    "server_error": Reason.SOURCE_UNAVAILABLE,
}


async def take_answer(db: Database, *, given: Parts, callback: Callback, browser_hash: bytes, now: datetime) -> Step:
    """Log the citizen in and return the browser's next step: the consent page, or the client.

    A reload finds the login done and leads on. Between taking the answer and the login nothing is kept: whoever is
    lost there begins again, and the timer closes the flow. Raises UnknownFlow, FlowOver, or Unavailable when
    `consent` does not answer (then a reload helps).
    """
    async with db.transaction() as tx:
        flow = _check_browser(await flows.find_by_state_for_update(tx, hash_of(callback.state)), browser_hash)
        if not flow.returned:
            await flows.mark_returned(tx, flow.flow_id, now)
    spans.link(flow.traceparent)
    if flow.returned:
        return await _lead_on(db, given, flow, now)
    try:
        login = await _verify(given, callback, flow, now)
        flow = await _admit(db, given, flow, login, now)
    except LoginFailed as failed:
        return await fail(db, flow, failed.reason, issuer=given.issuer, now=now)
    return await _lead_on(db, given, flow, now)


def _check_browser(flow: Flow | None, browser_hash: bytes) -> Flow:
    """Raise UnknownFlow for another browser's answer, which stays good for the browser it belongs to."""
    if flow is None or not hmac.compare_digest(flow.browser_hash, browser_hash):
        raise UnknownFlow
    return flow


async def _verify(given: Parts, callback: Callback, flow: Flow, now: datetime) -> VerifiedLogin:
    if callback.iss != given.vneid.issuer:  # RFC 9207 §2.4: an answer of another server is not looked at
        raise LoginFailed(Reason.RESPONSE_INVALID)
    if callback.error is not None:
        raise LoginFailed(_ERRORS.get(callback.error, Reason.RESPONSE_INVALID))
    if not callback.code or flow.nonce is None or flow.code_verifier is None:
        raise LoginFailed(Reason.RESPONSE_INVALID)
    secrets = Secrets(callback.state, flow.nonce, flow.code_verifier)
    return await given.vneid.log_in(callback.code, secrets, started_at=flow.started_at, now=now)


async def _admit(db: Database, given: Parts, flow: Flow, login: VerifiedLogin, now: datetime) -> Flow:
    """Keep who logged in, or nothing at all. Raises LoginFailed, or FlowOver if another tab was first."""
    policy.check_is_strong_enough(login, given.levels.least_for(flow.request))
    capacity = policy.check_answers_herself(login)
    async with db.transaction() as tx:
        locked = await flows.find_for_update(tx, flow.flow_id)
        if locked is None or locked.state is not FlowState.STARTED:
            raise FlowOver
        if not await flows.use_up(tx, locked.request.request_id, now):
            raise FlowOver
        try:
            return await _log_in(tx, given, locked, login, capacity, now)
        except PartyMismatch:
            raise LoginFailed(Reason.PARTY_MISMATCH) from None


async def _log_in(tx: Tx, given: Parts, flow: Flow, login: VerifiedLogin, capacity: Capacity, now: datetime) -> Flow:
    citizen = await citizens.recognise(tx, given.safe, login, now)
    who = LoggedIn(
        login_id=LoginId(ids.new()),
        subject_id=citizen.subject_id,
        auth_time=login.auth_time,
        acr=login.acr,
        account_level=login.account_level,
        capacity=capacity,
        at=now,
    )
    known = replace(flow, state=after(FLOW_TRANSITIONS, flow.state, FlowMove.LOG_IN), who=who)
    await flows.log_in(tx, flow.flow_id, known.state, who)
    await outbox.append(tx, events.login_succeeded(known, now))
    if known.request.purpose is Purpose.SELF_SERVICE:  # nothing to be asked: she wants to see her own page
        decided = after(FLOW_TRANSITIONS, known.state, FlowMove.DECIDE)
        await flows.set_state(tx, flow.flow_id, decided)
        return replace(known, state=decided)
    party = await parties.reserve(tx, given.reference, known, now)
    if values := _asked_of(login, known):
        await claims.hold(tx, given.safe, party, values, login=login, now=now)
    return known


def _asked_of(login: VerifiedLogin, flow: Flow) -> dict[str, JsonValue]:
    """Return what VNeID said as far as it is asked; the rest is dropped here."""
    told = {**login.further, **login.keys.attributes()}
    return {name: value for name, value in told.items() if name in flow.asked().attributes}


async def _lead_on(db: Database, given: Parts, flow: Flow, now: datetime) -> Step:
    if flow.state is FlowState.STARTED:
        raise FlowOver  # a second request while the first is at work, or was lost
    return await hand_over.go_on(db, given=given, flow=flow, now=now)
