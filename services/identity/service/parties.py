"""Reserves, binds and frees parties (R4), and says who one is."""

from dataclasses import replace
from datetime import datetime

from services.identity import events
from services.identity.domain.flow import Flow
from services.identity.domain.ids import CheckId, DossierUid, PartyUid, SubjectId
from services.identity.domain.party import (
    PARTY_TRANSITIONS,
    Method,
    Party,
    PartyMismatch,
    PartyMove,
    PartyState,
    Place,
)
from services.identity.store import citizens, flows, parties
from shared import outbox
from shared.db import Tx
from shared.reference import Reference
from shared.tokens import Actor, Caller
from shared.transitions import after, is_possible

CITIZEN = Actor("citizen")


async def reserve(tx: Tx, reference: Reference, flow: Flow, now: datetime) -> Party:
    """Reserve the party of a login for who logged in. Raises PartyMismatch."""
    return await _identify(tx, reference, _of_login(flow, now), PartyMove.RESERVE, provisional=False, now=now)


async def bind_by_check(tx: Tx, reference: Reference, found: Party, *, provisional: bool, now: datetime) -> Party:
    """Bind a party for good to whose card was shown. Raises PartyMismatch."""
    return await _identify(tx, reference, found, PartyMove.BIND, provisional=provisional, now=now)


async def bind_by_decision(tx: Tx, reference: Reference, flow: Flow, now: datetime) -> None:
    """Bind a party for good to who has decided; nothing happens where she is already. Raises PartyMismatch."""
    found = _of_login(flow, now)
    known = await parties.find_for_update(tx, found.place.dossier_uid, found.place.party_uid)
    if known is None or known.subject_id != found.subject_id or known.state is not PartyState.BOUND:
        await _identify(tx, reference, found, PartyMove.BIND, provisional=False, now=now)


async def free(tx: Tx, flow: Flow) -> None:
    """Free the party of a login that was given up, unless she is bound or before the question in another tab."""
    place = _place(flow)
    subject_id = flow.logged_in().subject_id
    known = await parties.find_for_update(tx, place.dossier_uid, place.party_uid)
    if known is None or known.subject_id != subject_id:
        return
    if not is_possible(PARTY_TRANSITIONS, known.state, PartyMove.FREE):
        return
    if not await flows.is_undecided_elsewhere(
        tx, flow.flow_id, subject_id=subject_id, dossier_uid=place.dossier_uid, party_uid=place.party_uid
    ):
        await parties.delete(tx, place.dossier_uid, place.party_uid)


def of_check(caller: Caller, place: Place, subject_id: SubjectId, check_id: CheckId, now: datetime) -> Party:
    """Say who a party is by an officer's check."""
    return Party(
        place=place,
        subject_id=subject_id,
        state=PartyState.NONE,
        method=Method.OFFICER_CHECK,
        actor=caller.actor,
        identified_at=now,
        check_id=check_id,
    )


async def _identify(
    tx: Tx, reference: Reference, found: Party, move: PartyMove, *, provisional: bool, now: datetime
) -> Party:
    party = await _keep(tx, found, move)
    sector = reference.agencies[party.place.agency_uid].sector
    sub = await citizens.sub_for(tx, party.subject_id, sector)
    await outbox.append(tx, events.party_identified(party, sub=sub, sector=sector, provisional=provisional, now=now))
    return party


async def _keep(tx: Tx, found: Party, move: PartyMove) -> Party:
    place = found.place
    known = await parties.find_for_update(tx, place.dossier_uid, place.party_uid)
    if known is None:
        party = replace(found, state=after(PARTY_TRANSITIONS, PartyState.NONE, move))
        if await parties.insert(tx, party):
            return party
        # The party was taken a moment ago, or she is another party of this dossier.
        known = await parties.find_for_update(tx, place.dossier_uid, place.party_uid)
    if known is None or known.subject_id != found.subject_id:
        raise PartyMismatch
    party = replace(found, state=after(PARTY_TRANSITIONS, known.state, move))
    await parties.update(tx, party)
    return party


def _of_login(flow: Flow, now: datetime) -> Party:
    who = flow.logged_in()
    return Party(
        place=_place(flow),
        subject_id=who.subject_id,
        state=PartyState.NONE,
        method=Method.LOGIN,
        actor=CITIZEN,
        identified_at=now,
        login_id=who.login_id,
    )


def _place(flow: Flow) -> Place:
    login = flow.asked()
    return Place(DossierUid(login.dossier_uid), PartyUid(login.party_uid), flow.request.client_id, login.agency_uid)
