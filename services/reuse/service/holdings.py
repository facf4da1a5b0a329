"""Ends what may not be held any longer: evidence whose last holding ends is deleted, with an event (R9)."""

from collections.abc import Sequence
from datetime import datetime

from services.reuse import events
from services.reuse.domain.ids import EvidenceId
from services.reuse.store import evidence, grants
from shared import outbox
from shared.db import Database, Tx

_AT_ONCE = 100


async def delete_unheld(tx: Tx, evidence_ids: Sequence[EvidenceId], *, reason: str, now: datetime) -> None:
    """Delete those of these that nothing holds any more; others learn of each from `reuse.evidence-deleted.v1`."""
    if evidence_ids:
        deleted = await evidence.delete_unheld(tx, evidence_ids)
        for event in events.evidence_deleted(deleted, reason, now):
            await outbox.append(tx, event)


async def sweep(db: Database, now: datetime) -> None:
    """End holdings by their dates, and those under grants whose time is over; safe on several replicas at once."""
    while await _sweep_some(db, now):
        pass


async def _sweep_some(db: Database, now: datetime) -> bool:
    async with db.transaction() as tx:
        by_date = await evidence.end_holdings_run_out(tx, now, _AT_ONCE)
        await delete_unheld(tx, by_date, reason="time_over", now=now)
    async with db.transaction() as tx:
        over = await grants.run_out(tx, now, _AT_ONCE)
        by_grant = await evidence.end_holdings_under(tx, over, now)
        await delete_unheld(tx, by_grant, reason="grant_expired", now=now)
    return bool(by_date or by_grant)
