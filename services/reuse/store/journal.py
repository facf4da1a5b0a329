"""The journal behind the hot path: what officers said of components, results, and what was released of a dossier."""

from typing import Literal
from uuid import UUID

from services.reuse.domain.verdict import Count, Deposit, ResultExists, Verdict
from shared.db import Tx
from shared.tokens import Actor


async def find_release(tx: Tx, dossier_uid: UUID, component_id: str) -> UUID | None:
    """Return the newest release of a component that was sent."""
    return await tx.fetchval(
        """SELECT release_id FROM release WHERE dossier_uid = $1 AND $2 = ANY (components) AND outcome = 'authorised'
           ORDER BY authorised_at DESC LIMIT 1""",
        dossier_uid, component_id,
    )  # fmt: skip


async def is_accepted(tx: Tx, dossier_uid: UUID, component_id: str) -> bool:
    """Say whether a component was accepted; the caller holds the dossier's lock."""
    return bool(
        await tx.fetchval(
            "SELECT true FROM verdict WHERE dossier_uid = $1 AND component_id = $2 AND outcome = 'accepted'",
            dossier_uid, component_id,
        )
    )  # fmt: skip


async def insert_verdict(tx: Tx, verdict: Verdict) -> None:
    """Store an officer's word."""
    await tx.execute(
        """INSERT INTO verdict (verdict_id, dossier_uid, component_id, outcome, reason, release_id, agency_uid,
                                agency_name, actor, judged_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        verdict.verdict_id, verdict.dossier_uid, verdict.component_id, verdict.outcome, verdict.reason,
        verdict.release_id, verdict.agency.uid, verdict.agency.name, actor_json(verdict.actor), verdict.judged_at,
    )  # fmt: skip


async def insert_result(tx: Tx, deposit: Deposit) -> None:
    """Store a deposited result; raises ResultExists."""
    new = await tx.fetchval(
        """INSERT INTO result (result_id, dossier_uid, party_uid, subject_id, result_type, attribute, evidence_id,
                               agency_uid, agency_name, actor, deposited_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (dossier_uid, party_uid, result_type) DO NOTHING RETURNING true""",
        deposit.result_id, deposit.dossier_uid, deposit.party_uid, deposit.subject_id, deposit.result_type,
        deposit.attribute, deposit.evidence_id, deposit.agency.uid, deposit.agency.name, actor_json(deposit.actor),
        deposit.deposited_at,
    )  # fmt: skip
    if not new:
        raise ResultExists


async def count_papers(tx: Tx, dossier_uid: UUID) -> Count:
    """Count a dossier's papers, and those that were not asked for: released, then accepted by the officer (R14)."""
    row = await tx.fetchrow(
        """SELECT count(DISTINCT c.component_id) AS papers,
                  count(DISTINCT c.component_id) FILTER (WHERE v.release_id IS NOT NULL) AS not_asked_for
           FROM component c LEFT JOIN verdict v
             ON v.dossier_uid = c.dossier_uid AND v.component_id = c.component_id AND v.outcome = 'accepted'
           WHERE c.dossier_uid = $1 AND NOT c.optional""",
        dossier_uid,
    )
    assert row is not None, "an aggregate has a row"  # noqa: S101 - for the type checker
    return Count(row["papers"], row["not_asked_for"])


async def last_verdicts(tx: Tx, dossier_uid: UUID) -> dict[str, Literal["accepted", "rejected"]]:
    """Return the last word on each component that was judged."""
    rows = await tx.fetch(
        """SELECT DISTINCT ON (component_id) component_id, outcome FROM verdict WHERE dossier_uid = $1
           ORDER BY component_id, judged_at DESC, verdict_id DESC""",
        dossier_uid,
    )
    return {row["component_id"]: row["outcome"] for row in rows}


def actor_json(actor: Actor) -> dict[str, str | None]:
    """Write who acted as every row and event has it."""
    return {"kind": actor.kind, "ref": actor.ref, "position": actor.position}
