"""Opens, receives and closes dossiers, and lets drafts die that nobody receives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.reuse import events, policy
from services.reuse.domain.agency import AgencyName
from services.reuse.domain.dossier import Channel, Dossier
from services.reuse.domain.ids import AttributeId, DossierUid
from services.reuse.domain.opening import (
    DeclaredParty,
    UnknownProcedure,
    check_opening,
    make_components,
    make_parties,
)
from services.reuse.domain.procedure import Fact
from services.reuse.domain.verdict import Count
from services.reuse.parts import Parts
from services.reuse.service import holdings
from services.reuse.store import dossiers, evidence, journal
from shared import ids, outbox
from shared.db import Database, Tx
from shared.idempotency import Once
from shared.tokens import Actor, Caller
from shared.vietnam import day_in_vietnam

LAPSED = "lapsed"


@dataclass(frozen=True)
class Application:
    """What a client declares when it opens a dossier."""

    client_ref: str
    procedure: str
    case: str | None
    facts: Mapping[str, Fact]
    channel: Channel
    receiving: str
    competent: str
    supporting: str | None
    parties: Sequence[DeclaredParty]
    parent_uid: UUID | None


async def open_dossier(
    once: Once[Dossier], parts: Parts, *, caller: Caller, asked: Application, now: datetime
) -> Dossier:
    """Open a dossier under the versions in force today (R2); its components are rows from here on.

    Raises UnknownProcedure, NotAsTheMap, UnknownReference (agency), MandateMissing (R1), ReferenceTaken.
    """
    dossier, facts = _make(parts, caller, asked, now)
    policy.check_may_open(caller, dossier, now)
    async with once.transaction() as tx:
        if asked.parent_uid:
            policy.check_may_see(caller, await dossiers.get(tx, asked.parent_uid), now)
        await dossiers.insert(tx, dossier, facts)
        await outbox.append(tx, events.dossier_opened(dossier, caller.actor))
        return await once.keep(tx, dossier)


def _make(parts: Parts, caller: Caller, asked: Application, now: datetime) -> tuple[Dossier, Mapping[str, Fact]]:
    day = day_in_vietnam(now)
    procedure = parts.maps.find_procedure(asked.procedure, day)
    if procedure is None:
        raise UnknownProcedure
    opening = check_opening(procedure, asked.case, asked.facts, asked.parties)
    parties = make_parties(asked.parties, ids.new)
    components = make_components(
        procedure, opening, parties, maps=parts.maps, day=day, data_class=lambda each: _data_class(parts, each)
    )
    dossier = Dossier(
        dossier_uid=DossierUid(ids.new()),
        client_id=caller.client_id,
        client_ref=asked.client_ref,
        procedure=procedure.code,
        procedure_name=procedure.name,
        procedure_version=procedure.version,
        case_id=opening.case,
        channel=asked.channel,
        receiving=_agency(parts, asked.receiving, now),
        competent=_agency(parts, asked.competent, now),
        supporting=_agency(parts, asked.supporting, now) if asked.supporting else None,
        opened_at=now,
        dies_at=now + parts.draft_life,
        parent_uid=DossierUid(asked.parent_uid) if asked.parent_uid else None,
        parties=parties,
        components=components,
    )
    return dossier, opening.facts


def _agency(parts: Parts, uid: str, now: datetime) -> AgencyName:
    return AgencyName(uid, parts.reference.agency(uid, now).name.vi)


def _data_class(parts: Parts, attribute: AttributeId) -> str:
    return parts.reference.attribute(attribute).data_class


async def receive(tx: Tx, *, caller: Caller, dossier_uid: UUID, official_code: str, now: datetime) -> Dossier:
    """Mark a dossier as received under its official code, which is set once (R2)."""
    dossier = await _get_for_agency(tx, caller, dossier_uid, now)
    received = dossier.receive(official_code, now)
    if received is not dossier:
        await dossiers.update(tx, received)
        await outbox.append(tx, events.dossier_received(received, caller.actor, agency_of(caller), now))
    return received


async def close(tx: Tx, *, caller: Caller, dossier_uid: UUID, outcome: str, now: datetime) -> Dossier:
    """Close a dossier: what was held for it as such ends (R9), what a rule or a consent keeps stays."""
    dossier = await _get_for_agency(tx, caller, dossier_uid, now)
    return await _close(tx, dossier, outcome, caller.actor, agency_of(caller), now)


async def _close(tx: Tx, dossier: Dossier, outcome: str, actor: Actor, agency: AgencyName, now: datetime) -> Dossier:
    closed = dossier.close(outcome, now)
    await dossiers.update(tx, closed)
    await outbox.append(tx, events.dossier_closed(closed, actor, agency, now))
    ended = await evidence.end_holdings_for(tx, dossier.dossier_uid)
    await holdings.delete_unheld(tx, ended, reason="dossier_closed", now=now)
    return closed


async def _get_for_agency(tx: Tx, caller: Caller, dossier_uid: UUID, now: datetime) -> Dossier:
    dossier = await dossiers.get_for_update(tx, dossier_uid)
    policy.check_may_see(caller, dossier, now)
    policy.check_without_login(caller)
    return dossier


@dataclass(frozen=True)
class Viewed:
    """A dossier with what came of it."""

    dossier: Dossier
    verdicts: Mapping[str, Literal["accepted", "rejected"]]
    papers: Count


async def view(tx: Tx, *, caller: Caller, dossier_uid: UUID, now: datetime) -> Viewed:
    """Return a dossier, the last word on each component, and how many papers were not asked for (R14)."""
    dossier = await dossiers.get(tx, dossier_uid)
    policy.check_may_see(caller, dossier, now)
    verdicts = await journal.last_verdicts(tx, dossier_uid)
    return Viewed(dossier, verdicts, await journal.count_papers(tx, dossier_uid))


async def let_drafts_die(db: Database, now: datetime) -> None:
    """Close every draft that was not received in time (R3)."""
    while await _let_one_die(db, now):
        pass


async def _let_one_die(db: Database, now: datetime) -> bool:
    async with db.transaction() as tx:
        dossier_uid = await dossiers.find_dead_draft(tx, now)
        if dossier_uid is None:
            return False
        dossier = await dossiers.get_for_update(tx, dossier_uid)
        await _close(tx, dossier, LAPSED, Actor("automated"), dossier.receiving, now)
        return True


def agency_of(caller: Caller) -> AgencyName:
    """Return who acts in law, as the token says."""
    return AgencyName(caller.agency.uid, caller.agency.name)
