"""What was asked of registries and collected from identity: at most one in flight per subject and attribute."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.ids import AttributeId, DossierUid, PartyUid, SubjectId
from services.reuse.domain.lookup import Lookup
from services.reuse.domain.sources import Answered, Outcome
from shared.db import Tx
from shared.tokens import Actor

ABANDONED_AFTER = timedelta(seconds=60)
"""Longer than any look-up takes; what is still in flight then died with its process."""


async def begin(tx: Tx, lookup: Lookup, now: datetime) -> tuple[AttributeId, ...]:
    """Put a look-up in flight; returns the attributes that nobody else is asking for already."""
    rows = await tx.fetch(
        """INSERT INTO lookup (lookup_id, attribute, subject_id, dossier_uid, party_uid, source, claims_id,
                               identification, grant_id, actor, agency_uid, agency_name, started_at)
           SELECT $1, attribute, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
           FROM unnest($13::text[]) AS attribute ORDER BY attribute
           ON CONFLICT (subject_id, attribute) WHERE outcome IS NULL DO NOTHING RETURNING attribute""",
        lookup.lookup_id, lookup.subject_id, lookup.dossier_uid, lookup.party_uid, lookup.source, lookup.claims_id,
        lookup.identification, lookup.grant_id, _actor_json(lookup.actor), lookup.agency.uid, lookup.agency.name, now,
        list(lookup.attributes),
    )  # fmt: skip
    return tuple(AttributeId(row["attribute"]) for row in rows)


async def finish(tx: Tx, lookup_id: UUID, outcomes: Sequence[tuple[AttributeId, Outcome]], now: datetime) -> bool:
    """Land a look-up; False when it was given up for dead meanwhile, and then nothing of it counts."""
    done = await tx.execute(
        """UPDATE lookup l SET outcome = o.outcome, finished_at = $2
           FROM unnest($3::text[], $4::text[]) AS o (attribute, outcome)
           WHERE l.lookup_id = $1 AND l.attribute = o.attribute AND l.outcome IS NULL""",
        lookup_id, now, [a for a, _ in outcomes], [o for _, o in outcomes],
    )  # fmt: skip
    return int(done.removeprefix("UPDATE ")) == len(outcomes)


async def forget(tx: Tx, lookup_id: UUID, attributes: Sequence[AttributeId]) -> None:
    """Take back what was put in flight and need not be asked after all."""
    await tx.execute(
        "DELETE FROM lookup WHERE lookup_id = $1 AND attribute = ANY($2) AND outcome IS NULL",
        lookup_id,
        list(attributes),
    )


async def give_up_abandoned(tx: Tx, subject_id: SubjectId, now: datetime) -> list[Lookup]:
    """Land what a dead process left in flight as `unavailable`; returns those look-ups for their event."""
    rows = await tx.fetch(
        """WITH dead AS (
             UPDATE lookup SET outcome = 'unavailable', finished_at = $2
             WHERE subject_id = $1 AND outcome IS NULL AND started_at < $3
             RETURNING lookup_id, attribute, subject_id, dossier_uid, party_uid, source, claims_id, identification,
                       grant_id, actor, agency_uid, agency_name)
           SELECT lookup_id, subject_id, dossier_uid, party_uid, source, claims_id, identification, grant_id, actor,
                  agency_uid, agency_name, array_agg(attribute ORDER BY attribute) AS attributes
           FROM dead
           GROUP BY lookup_id, subject_id, dossier_uid, party_uid, source, claims_id, identification, grant_id, actor,
                    agency_uid, agency_name""",
        subject_id, now, now - ABANDONED_AFTER,
    )  # fmt: skip
    return [_lookup(row) for row in rows]


async def in_flight(tx: Tx, subject_id: SubjectId, now: datetime) -> frozenset[AttributeId]:
    """Return the attributes of a subject that somebody is asking for right now; what died with its process is not."""
    rows = await tx.fetch(
        "SELECT attribute FROM lookup WHERE subject_id = $1 AND outcome IS NULL AND started_at >= $2",
        subject_id,
        now - ABANDONED_AFTER,
    )
    return frozenset(AttributeId(row["attribute"]) for row in rows)


async def answered(tx: Tx, subject_id: SubjectId, dossier_uid: UUID) -> tuple[Answered, ...]:
    """Return the newest answer of each source about each attribute, in this dossier."""
    rows = await tx.fetch(
        """SELECT DISTINCT ON (source, attribute, identification)
                  source, attribute, identification, outcome, finished_at
           FROM lookup WHERE subject_id = $1 AND dossier_uid = $2 AND outcome IS NOT NULL
           ORDER BY source, attribute, identification, finished_at DESC""",
        subject_id, dossier_uid,
    )  # fmt: skip
    return tuple(
        Answered(
            row["source"], AttributeId(row["attribute"]), row["outcome"], row["finished_at"], row["identification"]
        )
        for row in rows
    )


async def are_collected(tx: Tx, claims_id: UUID) -> bool:
    """Say whether these claims have become evidence, so that only the confirmation may be missing."""
    return bool(
        await tx.fetchval("SELECT true FROM lookup WHERE claims_id = $1 AND outcome = 'found' LIMIT 1", claims_id)
    )


def _actor_json(actor: Actor) -> dict[str, str | None]:
    return {"kind": actor.kind, "ref": actor.ref, "position": actor.position}


def _lookup(row: asyncpg.Record) -> Lookup:
    told = row["actor"]
    return Lookup(
        lookup_id=row["lookup_id"],
        subject_id=SubjectId(row["subject_id"]),
        dossier_uid=DossierUid(row["dossier_uid"]),
        party_uid=PartyUid(row["party_uid"]),
        source=row["source"],
        attributes=tuple(row["attributes"]),
        actor=Actor(told["kind"], told["ref"], told["position"]),
        agency=AgencyName(row["agency_uid"], row["agency_name"]),
        grant_id=row["grant_id"],
        identification=row["identification"],
        claims_id=row["claims_id"],
    )
