"""The officer's word on each component: only what was accepted counts as a paper not asked for (R14)."""

from datetime import datetime
from uuid import UUID

from services.reuse import events, policy
from services.reuse.domain.verdict import AlreadyAccepted, Verdict
from services.reuse.service.dossiers import agency_of
from services.reuse.store import dossiers, journal
from shared import ids, outbox
from shared.db import Tx
from shared.tokens import Caller


async def judge(
    tx: Tx, *, caller: Caller, dossier_uid: UUID, component_id: str, rejected_for: str | None, now: datetime
) -> Verdict:
    """Accept a component, or reject it for a reason; the newest release of it is what the word is about.

    Raises UnknownDossier, UnknownComponent, OfficerNeeded, DossierClosed, AlreadyAccepted: an acceptance is the last
    word, a rejection may be followed by another try.
    """
    dossier = await dossiers.get_for_update(tx, dossier_uid)
    policy.check_may_see(caller, dossier, now)
    policy.check_without_login(caller)
    policy.check_may_judge(caller, dossier)
    dossier.check_open(now)
    component = dossier.component(component_id)
    if await journal.is_accepted(tx, dossier_uid, component_id):
        raise AlreadyAccepted
    verdict = Verdict(
        verdict_id=ids.new(),
        dossier_uid=dossier.dossier_uid,
        component_id=component.component_id,
        outcome="rejected" if rejected_for else "accepted",
        reason=rejected_for,
        release_id=await journal.find_release(tx, dossier_uid, component_id),
        agency=agency_of(caller),
        actor=caller.actor,
        judged_at=now,
    )
    await journal.insert_verdict(tx, verdict)
    await outbox.append(tx, events.judged(verdict))
    return verdict
