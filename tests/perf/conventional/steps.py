"""The steps of the conventional release, each a statement of its own in the request's session."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from fastapi import HTTPException
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from tests.perf.conventional.auth import Caller, Claims
from tests.perf.conventional.models import (
    ClockCheck,
    Component,
    DataKey,
    Dossier,
    Evidence,
    Grant,
    Holding,
    Outbox,
    Party,
    Release,
    Replay,
    Watermark,
)

Held = Sequence[tuple[Evidence, Holding]]
_LEASE = timedelta(seconds=1.5)


async def use_up(session: AsyncSession, caller: Caller) -> None:
    """Remember the proof, once."""
    session.add(Replay(kind="dpop", key=caller.proof_key, expires_at=caller.proof_until))
    try:
        await session.flush()
    except IntegrityError:
        raise HTTPException(401) from None


async def get_dossier(session: AsyncSession, dossier_uid: UUID, claims: Claims) -> Dossier:
    """Return the dossier, locked, if the client may release from it."""
    dossier = await session.scalar(
        select(Dossier)
        .where(Dossier.dossier_uid == dossier_uid, Dossier.client_id == claims.client_id)
        .with_for_update(read=True)
    )
    if dossier is None or claims.agency.uid not in (dossier.receiving_uid, dossier.competent_uid):
        raise HTTPException(404)
    if dossier.procedure not in claims.mandate.procedures:
        raise HTTPException(403)
    if dossier.state == "closed" or datetime.now(UTC) >= dossier.dies_at:
        raise HTTPException(409)
    return dossier


async def get_party(session: AsyncSession, dossier: Dossier, party_uid: UUID) -> Party:
    """Return the person."""
    party = await session.scalar(
        select(Party).where(Party.dossier_uid == dossier.dossier_uid, Party.party_uid == party_uid)
    )
    if party is None or party.subject_id is None:
        raise HTTPException(404)
    return party


async def get_components(session: AsyncSession, party: Party, asked: list[str] | None) -> Sequence[Component]:
    """Return what is asked of her."""
    query = select(Component).where(Component.dossier_uid == party.dossier_uid, Component.party_uid == party.party_uid)
    if asked is not None:
        query = query.where(Component.component_id.in_(asked))
    components = (await session.scalars(query)).all()
    if not components:
        raise HTTPException(404)
    return components


async def lock_grant(session: AsyncSession, party: Party, claims: Claims) -> Grant:
    """Return the grant to release under, locked against a withdrawal."""
    now = datetime.now(UTC)
    grant = await session.scalar(
        select(Grant)
        .where(
            Grant.subject_id == party.subject_id, Grant.dossier_uid == party.dossier_uid, Grant.scope == "release",
            Grant.state == "granted", Grant.client_id == claims.client_id, Grant.agency_uid == claims.agency.uid,
        )
        .order_by(Grant.kind.desc(), Grant.grant_id)
        .limit(1)
        .with_for_update(read=True)
    )  # fmt: skip
    if grant is None or grant.valid_from > now or (grant.valid_until and now >= grant.valid_until):
        raise HTTPException(403)
    return grant


async def find_held(session: AsyncSession, party: Party, components: Sequence[Component]) -> Held:
    """Return the newest evidence of each attribute with a reason to hold it."""
    wanted = {name: each for each in components for name in each.attributes}
    rows = await session.execute(
        select(Evidence, Holding)
        .join(Holding, Holding.evidence_id == Evidence.evidence_id)
        .where(
            Evidence.subject_id == party.subject_id, Evidence.attribute.in_(wanted),
            Holding.scope == "dossier", Holding.dossier_uid == party.dossier_uid,
        )
        .order_by(Evidence.verified_at)
    )  # fmt: skip
    now = datetime.now(UTC)
    newest = {e.attribute: (e, h) for e, h in rows.tuples() if _suits(e, wanted[e.attribute], now)}
    if newest.keys() != wanted.keys():
        raise HTTPException(409)
    return [newest[name] for name in sorted(newest)]


def _suits(evidence: Evidence, component: Component, now: datetime) -> bool:
    fresh = evidence.verified_at > now - timedelta(days=component.max_age_days or 0)
    return fresh and evidence.value_grade >= (component.min_grade or "")


async def get_data_key(session: AsyncSession, party: Party) -> bytes:
    """Return her wrapped key."""
    return (await session.get_one(DataKey, party.subject_id)).wrapped


async def get_fresh_watermark(session: AsyncSession, grant: Grant) -> datetime:
    """Return the moment up to which all of consent's news are in, if it is within the lease."""
    t = await session.scalar(
        select(Watermark.t).where(
            Watermark.source == "consent", Watermark.partition == grant.partition, Watermark.frozen.is_(False),
            exists().where(ClockCheck.within, ClockCheck.measured_at > datetime.now(UTC) - timedelta(minutes=5)),
        )
    )  # fmt: skip
    if t is None or datetime.now(UTC) - t > _LEASE:
        raise HTTPException(503)
    return t


def write(
    session: AsyncSession,
    dossier: Dossier,
    party: Party,
    components: Sequence[Component],
    grant: Grant,
    held: Held,
    t: datetime,
    claims: Claims,
) -> Release:
    """Add the journal's row and its event; the commit writes them."""
    journal = Release(
        release_id=uuid4(), subject_id=grant.subject_id, dossier_uid=dossier.dossier_uid, party_uid=party.party_uid,
        client_id=claims.client_id, agency_uid=claims.agency.uid, agency_name=claims.agency.name,
        actor=claims.actor.model_dump(), token_id=claims.jti, components=[each.component_id for each in components],
        evidence_ids=[e.evidence_id for e, _ in held], holding_ids=[h.holding_id for _, h in held],
        attributes=[e.attribute for e, _ in held], grant_ids=[grant.grant_id], consent_t=t,
        authorised_at=datetime.now(UTC),
    )  # fmt: skip
    session.add(journal)
    session.add(_told(journal, dossier, grant))
    return journal


def _told(journal: Release, dossier: Dossier, grant: Grant) -> Outbox:
    data = {
        "release_id": str(journal.release_id),
        "subject_id": str(journal.subject_id),
        "sub": grant.sub,
        "dossier_uid": str(journal.dossier_uid),
        "party_uid": str(journal.party_uid),
        "client_id": journal.client_id,
        "agency": {"uid": journal.agency_uid, "name": journal.agency_name},
        "actor": journal.actor,
        "components": journal.components,
        "attributes": sorted(journal.attributes),
        "grant_ids": [str(each) for each in journal.grant_ids],
        "holding_ids": [str(each) for each in journal.holding_ids],
        "evidence_ids": [str(each) for each in journal.evidence_ids],
        "procedure": dossier.procedure,
        "authorised_at": journal.authorised_at.isoformat(),
        "replay_of": None,
    }
    return Outbox(
        event_id=uuid4(), type="reuse.released.v1", key=str(journal.subject_id), time=journal.authorised_at, data=data
    )
