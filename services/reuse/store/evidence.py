"""Evidence and its holdings, and each citizen's data key."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.reuse.domain.evidence import Deleted, Evidence, Held, Holding
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, DossierUid, EvidenceId, GrantId, HoldingId, SubjectId
from services.reuse.domain.lookup import MATCH_KEYS
from shared import ids
from shared.db import Tx


async def data_key(tx: Tx, subject_id: SubjectId, new_wrapped: bytes, now: datetime) -> bytes:
    """Return the citizen's wrapped data key; the one offered becomes hers if she has none."""
    await tx.execute(
        "INSERT INTO data_key (subject_id, wrapped, made_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        subject_id, new_wrapped, now,
    )  # fmt: skip
    # Locked, so that evidence gets its version numbers one transaction after the other.
    return await tx.fetchval("SELECT wrapped FROM data_key WHERE subject_id = $1 FOR UPDATE", subject_id)


async def find_data_key(tx: Tx, subject_id: SubjectId) -> bytes | None:
    """Return the citizen's wrapped data key, or None."""
    return await tx.fetchval("SELECT wrapped FROM data_key WHERE subject_id = $1", subject_id)


async def insert(tx: Tx, evidence: Evidence, holdings: Iterable[Holding], now: datetime) -> None:
    """Store a new version of an attribute with the reasons to keep it; needs at least one."""
    await tx.execute(
        """INSERT INTO evidence (evidence_id, subject_id, attribute, version, sealed, digest, origin, source,
                                 verified_at, level, value_grade, valid_until, data_class, dossier_uid, made_at)
           SELECT $1, $2, $3, 1 + coalesce(max(version), 0), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
           FROM evidence WHERE subject_id = $2 AND attribute = $3""",
        evidence.evidence_id, evidence.subject_id, evidence.attribute, evidence.sealed, evidence.digest,
        evidence.origin, evidence.source, evidence.verified_at, evidence.level, evidence.value_grade,
        evidence.valid_until, evidence.data_class, evidence.dossier_uid, now,
    )  # fmt: skip
    await tx.executemany(
        """INSERT INTO holding (holding_id, evidence_id, subject_id, scope, dossier_uid, grant_id, rule_id,
                                rule_version, legal_refs, procedures, until, made_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        [
            (h.holding_id, h.evidence_id, h.subject_id, h.scope, h.dossier_uid, h.grant_id, h.rule_id, h.rule_version,
             list(h.legal_refs), list(h.procedures), h.until, now)
            for h in holdings
        ],
    )  # fmt: skip


async def usable_for(
    tx: Tx, subject_id: SubjectId, *, dossier_uid: DossierUid, procedure: str, under: Iterable[Grant], now: datetime
) -> tuple[Held, ...]:
    """Return what is held of a subject and may count for a dossier (R8), as `Situation.usable` has it; `under` grants.

    Of each attribute, origin, level and grade only the newest version, with one of the reasons to keep it: an older one
    never decides anything, and with the years a citizen has more and more of them.
    """
    valid = [each for each in under if each.is_valid(now)]
    named = [(each.grant_id, attribute) for each in valid for attribute in each.attributes]
    # Grants come as values: a plan made while their table was small would read all of it for each version.
    rows = await tx.fetch(
        """SELECT DISTINCT ON (e.attribute, e.origin, e.level, e.value_grade)
                  e.evidence_id, e.subject_id, e.attribute, e.sealed, e.digest, e.origin, e.source, e.verified_at,
                  e.level, e.value_grade, e.valid_until, e.data_class, e.dossier_uid,
                  h.holding_id, h.scope, h.dossier_uid AS for_dossier, h.grant_id, h.rule_id, h.rule_version,
                  h.legal_refs, h.procedures, h.until
           FROM evidence e CROSS JOIN LATERAL (
             SELECT * FROM holding WHERE evidence_id = e.evidence_id
               AND (scope = 'dossier' AND dossier_uid = $2 AND grant_id = ANY ($5)
                    OR scope = 'citizen_store'
                       AND (grant_id, e.attribute) IN (SELECT * FROM unnest($6::uuid[], $7::text[]))
                    OR scope = 'legal_reuse' AND $3 = ANY (procedures))
               AND (until IS NULL OR until > $4)
             ORDER BY holding_id LIMIT 1) h
           WHERE e.subject_id = $1
           ORDER BY e.attribute, e.origin, e.level, e.value_grade,
                    (e.valid_until IS NULL OR e.valid_until > $4) DESC, e.verified_at DESC, e.evidence_id DESC""",
        subject_id, dossier_uid, procedure, now, [each.grant_id for each in valid],
        [grant_id for grant_id, _ in named], [attribute for _, attribute in named],
    )  # fmt: skip
    return tuple(map(_held, rows))


async def keep_under(tx: Tx, grant: Grant, now: datetime) -> None:
    """Let a new retention grant also cover what was collected just before it arrived here.

    The decision gives release and retention at once; their events may come in either order, and so may the look-ups.
    """
    rows = await tx.fetch(
        """SELECT DISTINCT e.evidence_id FROM evidence e
           JOIN holding h ON h.subject_id = e.subject_id AND h.evidence_id = e.evidence_id AND h.scope = 'dossier'
           JOIN dossier d ON d.dossier_uid = h.dossier_uid AND d.state <> 'closed'
           WHERE e.subject_id = $1 AND e.attribute = ANY($2) AND e.made_at >= $3""",
        grant.subject_id, list(grant.attributes), grant.valid_from,
    )  # fmt: skip
    await tx.executemany(
        """INSERT INTO holding (holding_id, evidence_id, subject_id, scope, grant_id, legal_refs, procedures, made_at)
           VALUES ($1, $2, $3, 'citizen_store', $4, '{}', '{}', $5) ON CONFLICT DO NOTHING""",
        [(ids.new(), row["evidence_id"], grant.subject_id, grant.grant_id, now) for row in rows],
    )


async def end_holdings_under(tx: Tx, grant_ids: Sequence[GrantId], now: datetime) -> list[EvidenceId]:
    """End what is held under these grants; returns the evidence it was about.

    What another of them that stands lets be held for the same dossier is held under that from now on.
    """
    await _hand_on(tx, grant_ids, now)
    return await _end(tx, "DELETE FROM holding WHERE grant_id = ANY($1) RETURNING evidence_id", list(grant_ids))


async def _hand_on(tx: Tx, grant_ids: Sequence[GrantId], now: datetime) -> None:
    """Hold for a dossier under its other rights what is held for it under these.

    Whatever is just ending or being closed or deleted is waited for, and then left out. Match keys come under any
    right of law, also one that does not name them; not where she hands one of them in herself.
    """
    rows = await tx.fetch(
        """SELECT h.evidence_id, h.subject_id, h.dossier_uid, g.grant_id
           FROM holding h
           JOIN evidence e ON e.subject_id = h.subject_id AND e.evidence_id = h.evidence_id
           JOIN dossier d ON d.dossier_uid = h.dossier_uid AND d.state <> 'closed'
           JOIN grant_copy o ON o.grant_id = h.grant_id
           JOIN grant_copy g ON g.subject_id = h.subject_id AND g.dossier_uid = h.dossier_uid
                            AND g.party_uid = o.party_uid AND g.grant_id <> ALL($1)
           WHERE h.grant_id = ANY($1) AND h.scope = 'dossier' AND g.state = 'granted'
             AND (g.valid_until IS NULL OR g.valid_until > $2)
             AND (e.attribute = ANY(g.attributes)
                  OR e.attribute = ANY($3) AND g.kind = 'legal_basis' AND NOT g.opted_out && $3)
           ORDER BY g.grant_id FOR SHARE OF d, g FOR KEY SHARE OF e""",
        list(grant_ids), now, list(MATCH_KEYS),
    )  # fmt: skip
    await tx.executemany(
        """INSERT INTO holding (holding_id, evidence_id, subject_id, scope, dossier_uid, grant_id, legal_refs,
                                procedures, made_at)
           VALUES ($1, $2, $3, 'dossier', $4, $5, '{}', '{}', $6) ON CONFLICT DO NOTHING""",
        [(ids.new(), row["evidence_id"], row["subject_id"], row["dossier_uid"], row["grant_id"], now) for row in rows],
    )


async def end_holdings_for(tx: Tx, dossier_uid: UUID) -> list[EvidenceId]:
    """End what is held for a dossier as such."""
    return await _end(
        tx, "DELETE FROM holding WHERE dossier_uid = $1 AND scope = 'dossier' RETURNING evidence_id", dossier_uid
    )


async def end_holdings_run_out(tx: Tx, now: datetime, limit: int) -> list[EvidenceId]:
    """End what was to be held until now, and all holdings of evidence that is not valid any more."""
    return await _end(
        tx,
        """DELETE FROM holding WHERE holding_id IN (
             SELECT holding_id FROM holding WHERE holding_id = ANY (ARRAY(
               (SELECT holding_id FROM holding WHERE until <= $1 LIMIT $2)
               UNION ALL
               (SELECT h.holding_id FROM evidence e JOIN holding h USING (subject_id, evidence_id)
                WHERE e.valid_until <= $1 LIMIT $2)))
             LIMIT $2 FOR UPDATE SKIP LOCKED)
           RETURNING evidence_id""",
        now, limit,
    )  # fmt: skip


async def _end(tx: Tx, sql: str, *args: object) -> list[EvidenceId]:
    return sorted({EvidenceId(row["evidence_id"]) for row in await tx.fetch(sql, *args)})


async def delete_unheld(tx: Tx, evidence_ids: Sequence[EvidenceId]) -> list[Deleted]:
    """Delete those of these that have lost their last holding (R9).

    Locks them first, for a holding made meanwhile refers to a row of evidence and so waits for this, or is seen here.
    """
    await tx.fetch(
        "SELECT evidence_id FROM evidence WHERE evidence_id = ANY($1) ORDER BY evidence_id FOR UPDATE",
        list(evidence_ids),
    )
    rows = await tx.fetch(
        """DELETE FROM evidence e WHERE e.evidence_id = ANY($1)
             AND NOT EXISTS (SELECT FROM holding h WHERE h.evidence_id = e.evidence_id)
           RETURNING e.evidence_id, e.subject_id, e.attribute""",
        list(evidence_ids),
    )
    return [Deleted(row["evidence_id"], row["subject_id"], row["attribute"]) for row in rows]


def _held(row: asyncpg.Record) -> Held:
    evidence = Evidence(
        evidence_id=EvidenceId(row["evidence_id"]),
        subject_id=SubjectId(row["subject_id"]),
        attribute=AttributeId(row["attribute"]),
        sealed=row["sealed"],
        digest=row["digest"],
        origin=row["origin"],
        source=row["source"],
        verified_at=row["verified_at"],
        level=row["level"],
        value_grade=row["value_grade"],
        valid_until=row["valid_until"],
        data_class=row["data_class"],
        dossier_uid=DossierUid(row["dossier_uid"]),
    )
    holding = Holding(
        holding_id=HoldingId(row["holding_id"]),
        evidence_id=evidence.evidence_id,
        subject_id=evidence.subject_id,
        scope=row["scope"],
        dossier_uid=row["for_dossier"],
        grant_id=row["grant_id"],
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        legal_refs=tuple(row["legal_refs"]),
        procedures=tuple(row["procedures"]),
        until=row["until"],
    )
    return Held(evidence, holding)
