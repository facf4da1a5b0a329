"""Loads all that is known about one party of a dossier, for the plan and for collecting."""

from dataclasses import replace
from datetime import datetime

from services.reuse.domain.dossier import Dossier, Party
from services.reuse.domain.ids import PartyUid, SubjectId
from services.reuse.domain.party import Person
from services.reuse.domain.sources import Situation
from services.reuse.parts import Parts
from services.reuse.service import grants
from services.reuse.store import dossiers, evidence, lookups
from services.reuse.store import grants as grant_rows
from shared.db import Database, Tx


async def ask_person(db: Database, parts: Parts, *, dossier: Dossier, party: Party, agency_uid: str) -> Person:
    """Ask identity who a party is; one bound for good is remembered (R4)."""
    person = await parts.identity.get_party(dossier.dossier_uid, party.party_uid, agency_uid=agency_uid)
    if person.bound_subject and party.subject_id is None:
        async with db.transaction() as tx:
            await dossiers.bind(
                tx, dossier_uid=dossier.dossier_uid, party_uid=party.party_uid, subject_id=person.bound_subject
            )
    return person


async def of_party(
    db: Database, parts: Parts, *, dossier: Dossier, party_uid: PartyUid, agency_uid: str, now: datetime
) -> Situation:
    """Return a party's situation, its identity asked of its owner, and grants that have not arrived yet of theirs."""
    party = dossier.party(party_uid)
    person = await ask_person(db, parts, dossier=dossier, party=party, agency_uid=agency_uid)
    subject_id = person.bound_subject
    if subject_id is None:
        return Situation(dossier, party, person, agency_uid, now, parts.grades)
    await grants.get_arrived(
        db, parts, subject_id=subject_id, dossier_uid=dossier.dossier_uid, agency_uid=agency_uid, now=now
    )
    async with db.read() as tx:
        return await read(
            tx, parts, dossier=dossier, party=party, person=person, subject_id=subject_id, agency_uid=agency_uid,
            now=now,
        )  # fmt: skip


async def read(
    tx: Tx,
    parts: Parts,
    *,
    dossier: Dossier,
    party: Party,
    person: Person,
    subject_id: SubjectId,
    agency_uid: str,
    now: datetime,
) -> Situation:
    """Return the situation of a party whose subject is known, from our own rows.

    Whom the population register has confirmed to us is not provisional, also while identity has yet to learn of it.
    """
    hers = await grant_rows.of_subject(tx, subject_id, dossier.dossier_uid)
    answers = await lookups.answered(tx, subject_id, dossier.dossier_uid)
    confirmed = any(each.identification and each.outcome == "found" for each in answers)
    return Situation(
        dossier=dossier,
        party=party,
        person=replace(person, provisional=person.provisional and not confirmed),
        agency_uid=agency_uid,
        now=now,
        grades=parts.grades,
        grants=hers,
        held=await evidence.usable_for(
            tx, subject_id, dossier_uid=dossier.dossier_uid, procedure=dossier.procedure, under=hers, now=now
        ),
        answered=answers,
        in_flight=await lookups.in_flight(tx, subject_id, now),
    )  # fmt: skip


async def read_again(db: Database, parts: Parts, at: Situation) -> Situation:
    """Return the situation after a step: what is held and what was answered may have changed."""
    async with db.read() as tx:
        return await read(
            tx, parts, dossier=at.dossier, party=at.party, person=at.person,
            subject_id=at.person.get_subject(), agency_uid=at.agency_uid, now=at.now,
        )  # fmt: skip


async def read_bound(
    tx: Tx, parts: Parts, *, dossier: Dossier, party: Party, agency_uid: str, now: datetime
) -> Situation:
    """Return the situation of a party that was bound before, without asking anybody. Raises PartyUnidentified."""
    bound = party.subject_id is not None
    person = Person("bound" if bound else "none", party.subject_id, None, "none_yet", False, "self")
    return await read(
        tx, parts, dossier=dossier, party=party, person=person, subject_id=person.get_subject(), agency_uid=agency_uid,
        now=now,
    )  # fmt: skip
