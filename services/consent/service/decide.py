"""The citizen's answer: decided item by item, or the application given up."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.consent import events, policy
from services.consent.domain.dossier import DossierClosed
from services.consent.domain.giving import Outcome, Subject, choices_of, grants_of_consent
from services.consent.domain.grant import GivenBy, Giving, Origin, Recipient
from services.consent.domain.item import Answer
from services.consent.domain.receipt import Shown
from services.consent.domain.request import ConsentRequest
from services.consent.domain.states import RequestState
from services.consent.service.giving import decide_law, give
from services.consent.service.request import lapse_if_over
from services.consent.signing import ReceiptSigner
from services.consent.store import grants, requests, uses
from shared import ids, outbox
from shared.db import Tx


async def decide(
    tx: Tx,
    *,
    browser_hash: bytes,
    request_id: UUID,
    answers: Mapping[str, Answer],
    signer: ReceiptSigner,
    now: datetime,
) -> ConsentRequest:
    """Record her answers, and give the grants that follow, each with its receipt.

    The first answer holds: a request that is closed already is returned as it is, and so is one that lapses now.
    Raises UnknownRequest, AnswerMissing, or DossierClosed (R3).
    """
    request = await _open(tx, browser_hash, request_id, now)
    if request.state is not RequestState.REQUESTED:
        return request
    decided = request.decide(answers, now)
    await grants.lock_dossier(tx, decided.dossier_uid)
    if await uses.is_closed(tx, decided.dossier_uid):
        raise DossierClosed
    outcome = await _outcome(tx, decided, answers, now)
    await requests.update_closed(tx, decided)
    await outbox.append(tx, events.decided(decided, list(outcome.standing), now))
    await give(tx, outcome, shown=Shown(decided.notice, decided.sub), signer=signer, now=now)
    await requests.link_grants(tx, decided.request_id, [grant.grant_id for grant in outcome.standing])
    return decided


async def abandon(tx: Tx, *, browser_hash: bytes, request_id: UUID, now: datetime) -> ConsentRequest:
    """Give the application up; a request that is closed already is returned as it is. Raises UnknownRequest."""
    request = await _open(tx, browser_hash, request_id, now)
    if request.state is not RequestState.REQUESTED:
        return request
    abandoned = request.abandon(now)
    await requests.update_closed(tx, abandoned)
    await outbox.append(tx, events.abandoned(abandoned, now))
    return abandoned


async def _open(tx: Tx, browser_hash: bytes, request_id: UUID, now: datetime) -> ConsentRequest:
    request = policy.check_may_answer(browser_hash, await requests.find_for_update(tx, request_id))
    return await lapse_if_over(tx, request, now)


async def _outcome(tx: Tx, request: ConsentRequest, answers: Mapping[str, Answer], now: datetime) -> Outcome:
    subject = _subject(request)
    law = await decide_law(tx, choices_of(request.items, answers), subject=subject, now=now)
    consent = grants_of_consent(request.items, answers, subject=subject, now=now, new_id=ids.new)
    return replace(law, new=law.new + consent)


def _subject(request: ConsentRequest) -> Subject:
    asker = request.asker
    return Subject(
        subject_id=request.subject_id,
        recipient=Recipient(
            sub=request.sub,
            sector=request.sector,
            client_id=asker.client_id,
            agency_uid=asker.agency_uid,
            agency_name=asker.agency_name,
            dossier_uid=request.dossier_uid,
            party_uid=request.party_uid,
        ),
        giving=Giving(Origin.CITIZEN_PAGE, GivenBy.SELF, request_id=request.request_id),
    )
