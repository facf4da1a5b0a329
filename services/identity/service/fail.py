"""Ends a login that leads to nothing: one event, and an error for the client (R16)."""

from datetime import datetime

from services.identity import events
from services.identity.domain.flow import FLOW_TRANSITIONS, Flow, FlowMove, FlowOver, FlowState
from services.identity.domain.login import Reason
from services.identity.service.steps import GoTo, back_with_error
from services.identity.store import flows
from shared import outbox
from shared.db import Database, Tx
from shared.errors import Fault
from shared.transitions import after


async def fail(db: Database, flow: Flow, reason: Reason, *, issuer: str, now: datetime) -> GoTo:
    """Close a flow nobody logged in through, and return the way back. Raises FlowOver if it was closed meanwhile."""
    async with db.transaction() as tx:
        locked = await flows.find_for_update(tx, flow.flow_id)
        if locked is None or locked.state is not FlowState.STARTED:
            raise FlowOver
        await close_failed(tx, locked, reason, now)
    return back_with_error(flow.request, reason.error, reason.value, issuer=issuer)


async def close_failed(tx: Tx, flow: Flow, reason: Reason, now: datetime, *, fault: Fault | None = None) -> None:
    """Close a locked flow and tell why; `fault` where it is not whose it usually is."""
    closed = after(FLOW_TRANSITIONS, flow.state, FlowMove.CLOSE)
    await flows.set_state(tx, flow.flow_id, closed, closed_at=now)
    await outbox.append(tx, events.login_failed(flow, reason, fault or reason.fault, now))
