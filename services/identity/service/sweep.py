"""Ends what nobody ends: logins that never came back, questions never answered, claims never collected."""

from datetime import datetime, timedelta

from services.identity.domain.claims import UNDECIDED, ClaimsState, Discarded
from services.identity.domain.flow import (
    AT_VNEID,
    FLOW_TRANSITIONS,
    UNCLAIMED,
    Flow,
    FlowMove,
    FlowState,
)
from services.identity.domain.login import Reason
from services.identity.service import claims, settle
from services.identity.service.fail import close_failed
from services.identity.store import claims as stored_claims
from services.identity.store import flows
from shared.db import Database, Tx
from shared.transitions import after

AT_ONCE = 100
_UNUSED_REQUESTS_STAY = timedelta(hours=1)
LOGINS_STAY = timedelta(days=30)
"""How long what is over is kept: longer than any event about it can be under way, and for a citizen's questions."""


async def sweep(db: Database, now: datetime) -> None:
    """Do one round; several replicas may, each takes what the others do not work on."""
    async with db.transaction() as tx:
        for flow in await flows.open_since(tx, FlowState.STARTED, before=now - AT_VNEID, limit=AT_ONCE):
            await _time_out(tx, flow, now)
    async with db.transaction() as tx:
        for flow in await flows.open_since(tx, FlowState.LOGGED_IN, before=now - UNDECIDED, limit=AT_ONCE):
            await settle.give_up(tx, flow, Discarded.LAPSED, now)
    async with db.transaction() as tx:
        for state in (FlowState.DECIDED, FlowState.GIVEN_UP):
            for flow in await flows.open_since(tx, state, before=now - UNCLAIMED, limit=AT_ONCE):
                await _close(tx, flow, now)
    async with db.transaction() as tx:
        for due in await stored_claims.due(tx, now=now, limit=AT_ONCE):
            held = due.state is ClaimsState.HELD
            await claims.discard(tx, due, Discarded.LAPSED if held else Discarded.UNCOLLECTED, now)
        await flows.forget_unused_requests(tx, before=now - _UNUSED_REQUESTS_STAY)
        await flows.forget_over(tx, before=now - LOGINS_STAY)


async def _time_out(tx: Tx, flow: Flow, now: datetime) -> None:
    """Close a login that VNeID never answered; without a word where another tab of the same request was quicker."""
    if flow.request.logged_in:
        await _close(tx, flow, now)
    else:
        # VNeID's answer was taken and then lost: a crash of ours between the two, which is not her fault.
        await close_failed(tx, flow, Reason.TIMEOUT, now, fault="gateway" if flow.returned else None)


async def _close(tx: Tx, flow: Flow, now: datetime) -> None:
    await flows.set_state(tx, flow.flow_id, after(FLOW_TRANSITIONS, flow.state, FlowMove.CLOSE), closed_at=now)
