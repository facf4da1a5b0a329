"""Follows what consent decides, by its events or its own word, for those who do not come back by themselves (§4.2)."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.claims import Discarded, Source
from services.identity.domain.flow import Flow, FlowState
from services.identity.domain.grant import ReleaseGrant
from services.identity.domain.ids import DossierUid, PartyUid, RequestId, SubjectId
from services.identity.domain.party import PartyMismatch
from services.identity.parts import Parts
from services.identity.service import claims, settle
from services.identity.store import claims as stored_claims
from services.identity.store import flows, parties
from services.identity.store import grants as stored_grants
from shared import alarms
from shared.db import Tx


@dataclass(frozen=True)
class Asked:
    """Which request was answered, of whom, and when."""

    request_id: RequestId
    subject_id: SubjectId
    dossier_uid: DossierUid
    party_uid: PartyUid
    at: datetime


async def keep_grant(tx: Tx, given: Parts, grant: ReleaseGrant, now: datetime) -> None:
    """Keep how a release grant stands, and let be collected what it allows: a card's keys, or its login's claims.

    What consent has told us itself may be ahead of its events: an older version changes nothing. Rows are locked in
    one order by all: her login, the party, then the grant.
    """
    if grant.request_id is None:
        await parties.find_for_update(tx, grant.dossier_uid, grant.party_uid)
        if await stored_grants.keep(tx, grant) and grant.standing:
            await _grant_card(tx, given, grant, now)
        return
    asked = Asked(grant.request_id, grant.subject_id, grant.dossier_uid, grant.party_uid, grant.valid_from)
    found = await _flows_of(tx, asked)
    if not await stored_grants.keep(tx, grant) or not grant.standing:
        return
    for flow in found:
        await _bind(tx, given, flow, now)
        await settle.grant(tx, given, flow, grant.attributes, now, final=False)


async def follow_decision(tx: Tx, given: Parts, asked: Asked, *, nothing_granted: bool, now: datetime) -> None:
    """Bind the party; if nothing was granted the claims go now, otherwise the grants' own events tell what may stay."""
    for flow in await _flows_of(tx, asked):
        await _bind(tx, given, flow, now)
        if nothing_granted:
            await settle.grant(tx, given, flow, (), now, final=True)


async def follow_giving_up(tx: Tx, asked: Asked, reason: Discarded, now: datetime) -> None:
    """Free the party and delete the claims."""
    for flow in await _flows_of(tx, asked):
        await settle.give_up(tx, flow, reason, now)


async def _grant_card(tx: Tx, given: Parts, grant: ReleaseGrant, now: datetime) -> None:
    for each in await stored_claims.waiting_of_party_for_update(
        tx, grant.dossier_uid, grant.party_uid, grant.subject_id
    ):
        if each.source is Source.OFFICER_CHECK:
            await claims.grant(tx, given.safe, each, grant.attributes, now)


async def _flows_of(tx: Tx, asked: Asked) -> list[Flow]:
    found = await flows.of_consent_for_update(
        tx, asked.request_id, subject_id=asked.subject_id, dossier_uid=asked.dossier_uid, party_uid=asked.party_uid,
        at=asked.at,
    )  # fmt: skip
    return [flow for flow in found if flow.state is not FlowState.STARTED]


async def _bind(tx: Tx, given: Parts, flow: Flow, now: datetime) -> None:
    """Bind who decided. If the party was freed by our timer and is another's by now, a person has to look at it."""
    try:
        await settle.decide(tx, given, flow, now)
    except PartyMismatch:
        asked = flow.asked()
        detail = {"dossier_uid": str(asked.dossier_uid), "flow_id": str(flow.flow_id)}
        await alarms.raise_alarm(tx, "party_taken", str(asked.party_uid), detail)
