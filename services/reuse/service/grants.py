"""Keeps reuse's copy of grants, and asks consent where the copy may be too old (architecture §4.2, §6)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.reuse.clients.consent import StateAssertion
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import SubjectId
from services.reuse.domain.refusal import ConsentStatusUnknown
from services.reuse.parts import Parts
from services.reuse.service import holdings
from services.reuse.store import evidence, grants
from shared.db import Database, Tx
from shared.errors import Unavailable


async def learn(tx: Tx, *told: Grant, now: datetime) -> None:
    """Take in how grants stand by the version rule; what stood on a right that has ended ends with it (R9, R10, R11).

    First all that stands, then all that ends with others, so that what gives way to a new right goes over to it.
    """
    in_order = sorted(told, key=lambda each: each.grant_id)  # as everybody locks them
    news = [each for each in in_order if await grants.keep(tx, each)]
    for grant in news:
        if grant.scope == "retention" and not grant.has_ended(now):
            await evidence.keep_under(tx, grant, now)
    for grant in news:
        if grant.has_ended(now):
            ended = await evidence.end_holdings_under(tx, [grant.grant_id], now)
            reason = f"grant_{grant.state}" if grant.state != "granted" else "grant_expired"
            await holdings.delete_unheld(tx, ended, reason=reason, now=now)


async def ask(
    db: Database, parts: Parts, *, known: Iterable[Grant], subject_id: SubjectId, dossier_uid: UUID, now: datetime
) -> StateAssertion:
    """Have consent say how her grants stand, and take it in. Raises ConsentStatusUnknown when it cannot be asked.

    Of the `known` only those that stand are named: what has ended stays so, and with the years there is more of it.
    """
    standing = [each.grant_id for each in known if not each.has_ended(now)]
    try:
        said = await parts.consent.ask_states(grant_ids=standing, subject_id=subject_id, dossier_uid=dossier_uid)
    except Unavailable as outage:
        raise ConsentStatusUnknown from outage
    async with db.transaction() as tx:
        await learn(tx, *said.grants, now=now)
    return said


async def get_known_surely(
    db: Database, parts: Parts, *, subject_id: SubjectId, dossier_uid: UUID, agency_uid: str, now: datetime
) -> tuple[Grant, ...]:
    """Return a subject's grants as nothing may be collected without: as new as a release would demand.

    Raises ConsentStatusUnknown.
    """
    async with db.read() as tx:
        known = await grants.of_subject(tx, subject_id, dossier_uid)
        fresh = await grants.freshness(tx, [each.grant_id for each in known])
    arrived = _has_arrived(known, agency_uid)
    if arrived and fresh.t is not None and parts.lease.allows_authorising(fresh.t, fresh.now):
        return known
    await ask(db, parts, known=known, subject_id=subject_id, dossier_uid=dossier_uid, now=now)
    return await _read(db, subject_id, dossier_uid)


async def get_arrived(
    db: Database, parts: Parts, *, subject_id: SubjectId, dossier_uid: UUID, agency_uid: str, now: datetime
) -> tuple[Grant, ...]:
    """Return a subject's grants for a plan: consent is asked only if none for dossier and agency has arrived yet."""
    known = await _read(db, subject_id, dossier_uid)
    if _has_arrived(known, agency_uid):
        return known
    await ask(db, parts, known=known, subject_id=subject_id, dossier_uid=dossier_uid, now=now)
    return await _read(db, subject_id, dossier_uid)


def _has_arrived(known: Iterable[Grant], agency_uid: str) -> bool:
    return any(each.dossier_uid and each.agency_uid == agency_uid for each in known)


async def _read(db: Database, subject_id: SubjectId, dossier_uid: UUID) -> tuple[Grant, ...]:
    async with db.read() as tx:
        return await grants.of_subject(tx, subject_id, dossier_uid)
