"""Leads a browser to the consent page and takes it back from there; a code is issued only on that return (§4.2)."""

import hmac
from datetime import datetime
from secrets import token_urlsafe

from services.identity.clients.consent import Answer, Asker, Decision
from services.identity.domain.claims import Discarded
from services.identity.domain.flow import (
    CODE_LIVES,
    FLOW_TRANSITIONS,
    Flow,
    FlowMove,
    FlowOver,
    FlowState,
    Purpose,
    UnknownFlow,
)
from services.identity.domain.ids import FlowId
from services.identity.domain.oauth import Error
from services.identity.parts import Parts
from services.identity.service import settle
from services.identity.service.steps import GoTo, HandOver, Step, back_with_code, back_with_error
from services.identity.store import citizens, clients, codes, flows
from services.identity.store.codes import Code
from shared import spans
from shared.db import Database, Tx
from shared.errors import Unavailable
from shared.hashes import hash_of
from shared.inside import RemoteProblem
from shared.transitions import after

_GIVEN_UP = {Answer.ABANDONED: Discarded.REFUSED, Answer.LAPSED: Discarded.LAPSED}


async def come_back(db: Database, *, given: Parts, flow_id: FlowId, browser_hash: bytes, now: datetime) -> Step:
    """Take a browser back from the consent page. The address says nothing to be trusted; the decision is read inside.

    Raises UnknownFlow for another browser, FlowOver where it was back already, Unavailable when `consent` is silent.
    """
    async with db.transaction() as tx:
        flow = await flows.find_for_update(tx, flow_id)
    if flow is None or not hmac.compare_digest(flow.browser_hash, browser_hash):
        raise UnknownFlow
    spans.link(flow.traceparent)
    return await go_on(db, given=given, flow=flow, now=now)


async def go_on(db: Database, *, given: Parts, flow: Flow, now: datetime) -> Step:
    """Return the next step of a flow in which somebody is logged in. Raises as `come_back` does."""
    if flow.state not in (FlowState.LOGGED_IN, FlowState.DECIDED, FlowState.GIVEN_UP):
        raise FlowOver
    if flow.request.purpose is Purpose.SELF_SERVICE:
        return await _issue(db, given, flow, (), now)
    if flow.consent_request_id is None:
        return await _lead_to_page(db, given, flow, now)
    decision = await given.consent.read_decision(flow.consent_request_id)
    match decision.answer:
        case Answer.REQUESTED:  # she came back by herself: the question still stands
            return await _lead_to_page(db, given, flow, now)
        case Answer.DECIDED:
            return await _finish(db, given, flow, decision, now)
        case Answer.ABANDONED | Answer.LAPSED:
            return await _give_up(db, given, flow, _GIVEN_UP[decision.answer], decision.answer.value, now)


async def _lead_to_page(db: Database, given: Parts, flow: Flow, now: datetime) -> Step:
    async with db.transaction() as tx:
        asker = await _asker(tx, given, flow)
    try:
        ticket = await given.consent.open_request(flow, asker, return_url=f"{given.issuer}/flows/{flow.flow_id}/return")
    except RemoteProblem as refusal:
        if isinstance(refusal, Unavailable):
            raise
        # `consent` will not ask about it: its dossier was closed meanwhile, for one.
        return await _give_up(db, given, flow, Discarded.REFUSED, refusal.code, now)
    async with db.transaction() as tx:
        await flows.set_consent_request(tx, flow.flow_id, ticket.request_id)
    return HandOver(ticket.entry_url, ticket.ticket)


async def _asker(tx: Tx, given: Parts, flow: Flow) -> Asker:
    """Say who asks, and by which identifier it knows her."""
    client = await clients.find(tx, flow.request.client_id)
    if client is None:
        raise UnknownFlow  # its registration was taken back a moment ago
    sector = given.reference.agencies[flow.asked().agency_uid].sector
    return Asker(client.name, await citizens.sub_for(tx, flow.logged_in().subject_id, sector), sector)


async def _finish(db: Database, given: Parts, flow: Flow, decision: Decision, now: datetime) -> Step:
    async with db.transaction() as tx:
        locked = await _lock(tx, flow)
        await settle.decide(tx, given, locked, now)
        await settle.grant(tx, given, locked, decision.granted, now, final=True)
    granted = tuple(name for name in flow.asked().attributes if name in decision.granted)
    return await _issue(db, given, flow, granted, now)


async def _issue(db: Database, given: Parts, flow: Flow, granted: tuple[str, ...], now: datetime) -> GoTo:
    """Give the browser the one code of its flow; a second return finds it given."""
    secret = token_urlsafe(32)
    async with db.transaction() as tx:
        locked = await _lock(tx, flow)
        if locked.state is not FlowState.DECIDED:
            raise FlowOver
        answered = after(FLOW_TRANSITIONS, locked.state, FlowMove.ANSWER)
        await flows.set_state(tx, flow.flow_id, answered, closed_at=now)
        code = Code(flow.flow_id, granted, expires_at=now + CODE_LIVES, is_used=False)
        await codes.insert(tx, hash_of(secret), code)
    return back_with_code(flow.request, secret, issuer=given.issuer)


async def _give_up(db: Database, given: Parts, flow: Flow, reason: Discarded, word: str, now: datetime) -> GoTo:
    """End a login without a code; `word` tells the client why."""
    async with db.transaction() as tx:
        await settle.give_up(tx, await _lock(tx, flow), reason, now)
        locked = await _lock(tx, flow)
        if locked.state is not FlowState.GIVEN_UP:
            raise FlowOver
        closed = after(FLOW_TRANSITIONS, locked.state, FlowMove.CLOSE)
        await flows.set_state(tx, flow.flow_id, closed, closed_at=now)
    return back_with_error(flow.request, Error.ACCESS_DENIED, word, issuer=given.issuer)


async def _lock(tx: Tx, flow: Flow) -> Flow:
    locked = await flows.find_for_update(tx, flow.flow_id)
    if locked is None:
        raise UnknownFlow
    return locked
