"""Her own page: what she agreed to, what stands on law, and who used her data, told by the events of those who did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.consent import policy
from services.consent.domain.grant import Grant
from services.consent.domain.ids import SubjectId
from services.consent.domain.receipt import Receipt
from services.consent.domain.use import Use, Verdict
from services.consent.store import grants, receipts, uses
from services.consent.store.grants import Cursor
from shared.db import Tx
from shared.errors import NotFound
from shared.languages import Words
from shared.tokens import Caller

GRANTS_A_PAGE, USES_A_PAGE = 20, 50


class UnknownReceipt(NotFound):
    """No receipt that this caller may know of."""

    code = "receipt_not_found"


@dataclass(frozen=True)
class Grants:
    """One page of what she agreed to and what the law allows; `more` says whether there is another."""

    shown: tuple[Grant, ...]
    withdrawal_receipts: Mapping[UUID, UUID]
    procedures: Mapping[UUID, Words]
    more: bool


@dataclass(frozen=True)
class Uses:
    """One page of who used her data, with the rights it stood on; `more` says whether there is another."""

    shown: tuple[Use, ...]
    bases: Mapping[UUID, Grant]
    verdicts: Mapping[str, tuple[Verdict, ...]]
    procedures: Mapping[UUID, Words]
    more: bool


async def show_grants(tx: Tx, *, subject_id: SubjectId, after: Cursor | None = None) -> Grants:
    """Return her grants behind one of them: those she can withdraw, then all others, the newest first."""
    found = await grants.page_of_subject(tx, subject_id, after=after, limit=GRANTS_A_PAGE + 1)
    shown = tuple(found[:GRANTS_A_PAGE])
    return Grants(
        shown=shown,
        withdrawal_receipts=await receipts.of_withdrawals(tx, [each.grant_id for each in shown]),
        procedures=await uses.procedure_names(tx, {each.recipient.dossier_uid for each in shown if each.recipient}),
        more=len(found) > GRANTS_A_PAGE,
    )


async def show_uses(tx: Tx, *, subject_id: SubjectId, after: UUID | None = None) -> Uses:
    """Return the uses of her data behind one of them, the newest first."""
    found = await uses.page_of_subject(tx, subject_id, after=after, limit=USES_A_PAGE + 1)
    shown = tuple(found[:USES_A_PAGE])
    under = {grant_id for each in shown for grant_id in each.grant_ids}
    return Uses(
        shown=shown,
        bases={each.grant_id: each for each in await grants.of_subject(tx, subject_id, under)},
        verdicts=await _verdicts(tx, shown),
        procedures=await uses.procedure_names(tx, {each.dossier_uid for each in shown if each.dossier_uid}),
        more=len(found) > USES_A_PAGE,
    )


async def get_own_grant(tx: Tx, *, subject_id: SubjectId, grant_id: UUID) -> Grant:
    """Return one of her grants; raises UnknownGrant."""
    return policy.check_is_hers(subject_id, await grants.find(tx, grant_id))


async def get_own_receipt(tx: Tx, *, subject_id: SubjectId, receipt_id: UUID) -> Receipt:
    """Return one of her receipts; raises UnknownReceipt."""
    receipt = await receipts.find(tx, receipt_id)
    if receipt is None or receipt.subject_id != subject_id:
        raise UnknownReceipt
    return receipt


async def get_clients_receipt(tx: Tx, *, caller: Caller, receipt_id: UUID) -> Receipt:
    """Return the receipt of a grant that was given to the caller's client and agency; raises UnknownReceipt."""
    receipt = await receipts.find(tx, receipt_id)
    grant = await grants.find(tx, receipt.grant_id) if receipt else None
    if receipt is None or grant is None:
        raise UnknownReceipt
    try:
        policy.check_is_recipients(caller, grant)
    except policy.UnknownGrant:
        raise UnknownReceipt from None
    return receipt


async def keep_use(tx: Tx, *, use: Use) -> None:
    """Remember one use of her data."""
    await uses.insert(tx, use)


async def keep_verdict(tx: Tx, *, verdict: Verdict) -> None:
    """Remember what an officer said of what was released."""
    await uses.insert_verdict(tx, verdict)


async def _verdicts(tx: Tx, used: Sequence[Use]) -> dict[str, tuple[Verdict, ...]]:
    found: dict[str, tuple[Verdict, ...]] = {}
    for verdict in await uses.verdicts_on(tx, [each.release_id for each in used if each.release_id]):
        if verdict.release_id:
            found[verdict.release_id] = (*found.get(verdict.release_id, ()), verdict)
    return found
