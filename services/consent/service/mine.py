"""Her own page: what she agreed to, what stands on law, and who used her data, told by the events of those who did."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.consent import policy
from services.consent.domain.grant import Grant
from services.consent.domain.ids import SubjectId
from services.consent.domain.receipt import Receipt
from services.consent.domain.use import Use, Verdict
from services.consent.store import grants, receipts, uses
from shared.db import Tx
from shared.errors import NotFound
from shared.languages import Words
from shared.tokens import Caller

MOST_USES = 200


class UnknownReceipt(NotFound):
    """No receipt that this caller may know of."""

    code = "receipt_not_found"


@dataclass(frozen=True)
class Mine:
    """Everything her page shows."""

    grants: tuple[Grant, ...]
    withdrawal_receipts: Mapping[UUID, UUID]
    uses: tuple[Use, ...]
    verdicts: Mapping[str, tuple[Verdict, ...]]
    procedures: Mapping[UUID, Words]


async def show_mine(tx: Tx, *, subject_id: SubjectId) -> Mine:
    """Return her grants and the uses of her data, the newest first."""
    mine = await grants.of_subject(tx, subject_id)
    used = await uses.of_subject(tx, subject_id, limit=MOST_USES)
    dossiers = {each.recipient.dossier_uid for each in mine if each.recipient}
    dossiers |= {each.dossier_uid for each in used if each.dossier_uid}
    return Mine(
        grants=tuple(mine),
        withdrawal_receipts=await receipts.of_withdrawals(tx, subject_id),
        uses=tuple(used),
        verdicts=await _verdicts(tx, used),
        procedures=await uses.procedure_names(tx, dossiers),
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


async def _verdicts(tx: Tx, used: list[Use]) -> dict[str, tuple[Verdict, ...]]:
    found: dict[str, tuple[Verdict, ...]] = {}
    for verdict in await uses.verdicts_on(tx, [each.release_id for each in used if each.release_id]):
        if verdict.release_id:
            found[verdict.release_id] = (*found.get(verdict.release_id, ()), verdict)
    return found
