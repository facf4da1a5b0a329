"""Applies what she answered to everything that waited for it: flow, party and claims; by browser or event, once."""

from collections.abc import Iterable
from datetime import datetime

from services.identity.domain.claims import Discarded
from services.identity.domain.flow import FLOW_TRANSITIONS, Flow, FlowMove
from services.identity.parts import Parts
from services.identity.service import claims, parties
from services.identity.store import claims as stored_claims
from services.identity.store import flows
from shared.db import Tx
from shared.transitions import after, is_possible


async def decide(tx: Tx, given: Parts, flow: Flow, now: datetime) -> None:
    """Bind the party of a locked flow: whatever she answered, she is who answered (R4). Raises PartyMismatch."""
    if is_possible(FLOW_TRANSITIONS, flow.state, FlowMove.DECIDE):
        await flows.set_state(tx, flow.flow_id, after(FLOW_TRANSITIONS, flow.state, FlowMove.DECIDE))
    await parties.bind_by_decision(tx, given.reference, flow, now)


async def grant(tx: Tx, given: Parts, flow: Flow, granted: Iterable[str], now: datetime, *, final: bool) -> None:
    """Let the claims of a login be collected; `final` when nothing more can be granted: the rest is deleted."""
    found = await stored_claims.of_login_for_update(tx, flow.logged_in().login_id)
    if found is None:
        return
    found = await claims.grant(tx, given.safe, found, granted, now)
    if final:
        await claims.drop_ungranted(tx, found, now)


async def give_up(tx: Tx, flow: Flow, reason: Discarded, now: datetime) -> None:
    """Free the party of a locked flow and delete its claims; a flow that is settled stays as it is."""
    if not is_possible(FLOW_TRANSITIONS, flow.state, FlowMove.GIVE_UP):
        return
    await flows.set_state(tx, flow.flow_id, after(FLOW_TRANSITIONS, flow.state, FlowMove.GIVE_UP))
    await parties.free(tx, flow)
    if found := await stored_claims.of_login_for_update(tx, flow.logged_in().login_id):
        await claims.discard(tx, found, reason, now)
