"""Withdrawal with a number (architecture §6): it commits, then the clock is read, then its moment is named, once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.consent import events, policy
from services.consent.domain.grant import Grant
from services.consent.domain.ids import ReceiptId, SubjectId
from services.consent.domain.receipt import Receipt
from services.consent.domain.states import GrantState
from services.consent.signing import ReceiptSigner
from services.consent.store import grants, receipts
from shared import ids, outbox
from shared.db import Database, Tx

UNCONFIRMED_AFTER = timedelta(seconds=5)
"""So long a withdrawal may stand without its moment before the sweeper takes it for left by a crash."""


@dataclass(frozen=True)
class Confirming:
    """What it takes to name a withdrawal's moment: the lease L, and the key of its receipt."""

    lease: timedelta
    signer: ReceiptSigner


async def withdraw(
    db: Database, *, confirming: Confirming, subject_id: SubjectId, grant_id: UUID, now: datetime
) -> Receipt:
    """Withdraw a consent and return the signed receipt that names `effective_by`; a repeat returns the same one.

    Raises UnknownGrant, StandsOnLaw (R10) or IllegalTransition. A crash between the two commits leaves a withdrawal
    that already works; the sweeper names its moment.
    """
    async with db.transaction() as tx:
        await _take_back(tx, subject_id, grant_id, now)
    return await confirm(db, confirming=confirming, grant_id=grant_id)


async def confirm(db: Database, *, confirming: Confirming, grant_id: UUID) -> Receipt:
    """Name the moment of a committed withdrawal, if nobody has yet, and return the receipt that names it.

    The clock is that of the primary, read after the withdrawal's commit: whatever `reuse` learned before that reading
    it may rely on for the lease and not longer.
    """
    async with db.statement() as tx:
        reading = await grants.clock(tx)
    async with db.transaction() as tx:
        confirmed = await grants.confirm(tx, grant_id, reading + confirming.lease)
        if confirmed is not None:
            await receipts.insert(tx, await _receipt(tx, confirmed, confirming.signer, reading))
            await outbox.append(tx, events.withdrawal_confirmed(confirmed, reading))
        receipt = await receipts.find_of_withdrawal(tx, grant_id)
    if receipt is None:
        raise LookupError("a confirmed withdrawal has a receipt")
    return receipt


async def confirm_left_over(db: Database, *, confirming: Confirming, now: datetime, at_start: bool = False) -> None:
    """Name the moments that a crash left unnamed: all at start, later those older than five seconds (sweeper)."""
    before = now if at_start else now - UNCONFIRMED_AFTER
    async with db.statement() as tx:
        waiting = await grants.unconfirmed(tx, withdrawn_before=before, limit=100)
    for grant_id in waiting:
        await confirm(db, confirming=confirming, grant_id=grant_id)


async def _take_back(tx: Tx, subject_id: SubjectId, grant_id: UUID, now: datetime) -> None:
    grant = policy.check_is_hers(subject_id, await grants.find_for_update(tx, grant_id))
    if grant.state is GrantState.WITHDRAWN:
        return
    withdrawn = grant.withdraw(now)
    await grants.update(tx, withdrawn)
    await outbox.append(tx, events.withdrawn(withdrawn, now))


async def _receipt(tx: Tx, grant: Grant, signer: ReceiptSigner, now: datetime) -> Receipt:
    sub = await receipts.sub_of(tx, grant.grant_id)
    return signer.of_withdrawal(grant, ReceiptId(ids.new()), sub=sub, now=now)
