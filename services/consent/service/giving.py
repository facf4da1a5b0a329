"""Writes the outcome of a decision down: grants that begin and end, a receipt for each, and their events."""

from collections.abc import Mapping
from datetime import datetime

from services.consent import events
from services.consent.domain.dossier import Rule
from services.consent.domain.giving import Outcome, Subject, grants_of_law
from services.consent.domain.grant import Choice
from services.consent.domain.receipt import Shown
from services.consent.signing import ReceiptSigner
from services.consent.store import grants, receipts
from shared import ids, outbox
from shared.db import Tx
from shared.tokens import Actor


async def decide_law(
    tx: Tx, choices: Mapping[tuple[str, int], tuple[Rule, Choice]], *, subject: Subject, now: datetime
) -> Outcome:
    """Work out what these choices do to rights of law, and keep her word; the caller holds the dossier's lock."""
    whose = subject.subject_id, subject.recipient.dossier_uid
    outcome = grants_of_law(
        choices,
        subject=subject,
        standing=await grants.standing_of_law(tx, *whose),
        handed_in=await grants.handed_in(tx, *whose),
        now=now,
        new_id=ids.new,
    )
    await grants.keep_handed_in(tx, *whose, outcome.handed_in)
    return outcome


async def give(
    tx: Tx, outcome: Outcome, *, shown: Shown, signer: ReceiptSigner, now: datetime, actor: Actor | None = None
) -> None:
    """Store what a decision gives and what gives way to it, within the decision's own transaction (R16).

    What begins is told before what it replaces ends, so that nothing held under both is let go in between.
    """
    for ended in outcome.ended:
        await grants.update(tx, ended)
    for grant in outcome.new:
        await grants.insert(tx, grant)
        await receipts.insert(tx, signer.of_grant(grant, shown))
        await outbox.append(tx, events.granted(grant, now, actor))
    for ended in outcome.ended:
        await outbox.append(tx, events.legal_basis_ended(ended, now, actor))
