"""How rights end without her: a dossier is closed, a day comes, or an officer decides so with a reason (R11)."""

from datetime import datetime
from uuid import UUID

from services.consent import events, policy
from services.consent.clients.reuse import ReuseClient
from services.consent.domain.grant import EndReason, Grant, StandsOnConsent
from services.consent.domain.states import GrantState
from services.consent.store import grants, uses
from shared import outbox
from shared.db import Database, Tx
from shared.idempotency import Once
from shared.tokens import Actor, Caller


async def end_by_officer(
    db: Database,
    *,
    once: Once[Grant],
    reuse: ReuseClient,
    caller: Caller,
    grant_id: UUID,
    reason: str,
    now: datetime,
) -> Grant:
    """End a right of law by an officer's reasoned decision.

    Raises UnknownGrant, StandsOnConsent, OfficerNeeded, MandateMissing (R1), IllegalTransition, or Unavailable.
    """
    async with db.read() as tx:
        known = policy.check_is_recipients(caller, await grants.find(tx, grant_id))
    if known.recipient is None:
        raise StandsOnConsent
    policy.check_may_decide(caller, await reuse.get_dossier(known.recipient.dossier_uid), now)
    async with once.transaction() as tx:
        grant = policy.check_is_recipients(caller, await grants.find_for_update(tx, grant_id))
        ended = grant.end(now, EndReason.OFFICER, reason)
        await _store(tx, ended, now, caller.actor)
        return await once.keep(tx, ended)


async def end_with_dossier(tx: Tx, *, dossier_uid: UUID, now: datetime) -> None:
    """End every right of law in a closed dossier, and remember that it is closed, whether we had heard of it or not."""
    await grants.lock_dossier(tx, dossier_uid)
    await uses.close_dossier(tx, dossier_uid, now)
    for grant in await grants.open_of_law(tx, dossier_uid):
        await _store(tx, grant.end(now, EndReason.DOSSIER_CLOSED), now)


async def end_run_out(db: Database, now: datetime) -> None:
    """End every grant that is past its time (timer)."""
    async with db.transaction() as tx:
        for grant in await grants.run_out(tx, now=now, limit=100):
            await _store(tx, grant.run_out(now), now)


async def _store(tx: Tx, grant: Grant, now: datetime, actor: Actor | None = None) -> None:
    await grants.update(tx, grant)
    expired = grant.state is GrantState.EXPIRED
    await outbox.append(tx, events.expired(grant, now) if expired else events.legal_basis_ended(grant, now, actor))
