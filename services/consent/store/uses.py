"""SQL about who used a citizen's data, and about dossiers as far as we were told of them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from asyncpg import Record

from services.consent.domain.dossier import Dossier
from services.consent.domain.ids import SubjectId
from services.consent.domain.use import Use, UseKind, Verdict
from shared.db import Tx
from shared.languages import Words


async def insert(tx: Tx, use: Use) -> None:
    """Keep one use; a second telling of the same event changes nothing."""
    await tx.execute(
        """
        INSERT INTO data_use (event_id, subject_id, kind, at, agency_uid, agency_name, actor_kind, position, attributes,
               dossier_uid, release_id, replay, grant_ids, note)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING
        """,
        use.event_id, use.subject_id, use.kind, use.at, use.agency_uid, use.agency_name, use.actor_kind, use.position,
        list(use.attributes), use.dossier_uid, use.release_id, use.replay, list(use.grant_ids), use.note,
    )  # fmt: skip


async def insert_verdict(tx: Tx, verdict: Verdict) -> None:
    """Keep an officer's verdict."""
    await tx.execute(
        """
        INSERT INTO verdict (verdict_id, release_id, dossier_uid, accepted, at, agency_name, position)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
        """,
        verdict.verdict_id, verdict.release_id, verdict.dossier_uid, verdict.accepted, verdict.at,
        verdict.agency_name, verdict.position,
    )  # fmt: skip


async def page_of_subject(tx: Tx, subject_id: UUID, *, after: UUID | None, limit: int) -> list[Use]:
    """Return so many of a citizen's uses behind one of them, the newest first; behind one that is not hers, nothing."""
    rows = await tx.fetch(
        """
        SELECT event_id, subject_id, kind, at, agency_uid, agency_name, actor_kind, position, attributes, dossier_uid,
               release_id, replay, grant_ids, note
          FROM data_use
         WHERE subject_id = $1
           AND ($2::uuid IS NULL
                OR (at, event_id) < (SELECT at, event_id FROM data_use WHERE event_id = $2 AND subject_id = $1))
         ORDER BY at DESC, event_id DESC LIMIT $3
        """,
        subject_id,
        after,
        limit,
    )
    return [_use(row) for row in rows]


async def verdicts_on(tx: Tx, release_ids: Collection[str]) -> list[Verdict]:
    """Return what officers said of these releases."""
    rows = await tx.fetch(
        """
        SELECT verdict_id, release_id, dossier_uid, accepted, at, agency_name, position
          FROM verdict WHERE release_id = ANY($1) ORDER BY at, verdict_id
        """,
        list(release_ids),
    )
    return [_verdict(row) for row in rows]


async def know_dossier(tx: Tx, dossier: Dossier) -> None:
    """Remember how a dossier is called."""
    await tx.execute(
        """
        INSERT INTO known_dossier (dossier_uid, procedure, procedure_name_vi, procedure_name_en) VALUES ($1, $2, $3, $4)
        ON CONFLICT (dossier_uid) DO UPDATE SET procedure = excluded.procedure,
               procedure_name_vi = excluded.procedure_name_vi, procedure_name_en = excluded.procedure_name_en
        """,
        dossier.dossier_uid, dossier.procedure, dossier.procedure_name.vi, dossier.procedure_name.en,
    )  # fmt: skip


async def close_dossier(tx: Tx, dossier_uid: UUID, closed_at: datetime) -> None:
    """Mark a dossier closed, whether we knew it or not."""
    await tx.execute(
        """
        INSERT INTO known_dossier (dossier_uid, closed_at) VALUES ($1, $2)
        ON CONFLICT (dossier_uid) DO UPDATE SET closed_at = coalesce(known_dossier.closed_at, excluded.closed_at)
        """,
        dossier_uid, closed_at,
    )  # fmt: skip


async def is_closed(tx: Tx, dossier_uid: UUID) -> bool:
    """Say whether we have heard that a dossier is closed."""
    return bool(
        await tx.fetchval("SELECT closed_at IS NOT NULL FROM known_dossier WHERE dossier_uid = $1", dossier_uid)
    )


async def procedure_names(tx: Tx, dossier_uids: Collection[UUID]) -> dict[UUID, Words]:
    """Return the names of the procedures of these dossiers, as far as they are known."""
    rows = await tx.fetch(
        """
        SELECT dossier_uid, procedure_name_vi, procedure_name_en
          FROM known_dossier WHERE dossier_uid = ANY($1) AND procedure_name_vi IS NOT NULL
        """,
        list(dossier_uids),
    )
    return {row["dossier_uid"]: Words(row["procedure_name_vi"], row["procedure_name_en"]) for row in rows}


def _use(row: Record) -> Use:
    return Use(
        event_id=row["event_id"],
        subject_id=SubjectId(row["subject_id"]),
        kind=UseKind(row["kind"]),
        at=row["at"],
        agency_uid=row["agency_uid"],
        agency_name=row["agency_name"],
        actor_kind=row["actor_kind"],
        position=row["position"],
        attributes=tuple(row["attributes"]),
        dossier_uid=row["dossier_uid"],
        release_id=row["release_id"],
        replay=row["replay"],
        grant_ids=tuple(row["grant_ids"]),
        note=row["note"],
    )


def _verdict(row: Record) -> Verdict:
    return Verdict(
        verdict_id=row["verdict_id"],
        release_id=row["release_id"],
        dossier_uid=row["dossier_uid"],
        accepted=row["accepted"],
        at=row["at"],
        agency_name=row["agency_name"],
        position=row["position"],
    )
