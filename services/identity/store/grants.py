"""SQL about what consent has granted for a party, as far as identity needs it: to let claims be collected."""

from datetime import datetime

from services.identity.domain.grant import ReleaseGrant
from services.identity.domain.ids import DossierUid, PartyUid, SubjectId
from shared.db import Tx


async def keep(tx: Tx, grant: ReleaseGrant) -> bool:
    """Keep a grant; False if a newer version is known, which is never overwritten."""
    kept = await tx.fetchval(
        """
        INSERT INTO release_grant (grant_id, version, subject_id, dossier_uid, party_uid, attributes, standing,
               valid_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (grant_id) DO UPDATE SET version = excluded.version, attributes = excluded.attributes,
               standing = excluded.standing, valid_until = excluded.valid_until
         WHERE release_grant.version <= excluded.version
        RETURNING TRUE
        """,
        grant.grant_id, grant.version, grant.subject_id, grant.dossier_uid, grant.party_uid, list(grant.attributes),
        grant.standing, grant.valid_until,
    )  # fmt: skip
    return kept is True


async def ended_attributes(
    tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid, subject_id: SubjectId, *, now: datetime
) -> set[str]:
    """Return what was granted of this party and may not be released any more: withdrawn, run out, replaced by less."""
    rows = await tx.fetch(
        """SELECT attribute FROM release_grant CROSS JOIN unnest(attributes) AS attribute
           WHERE dossier_uid = $1 AND party_uid = $2 AND subject_id = $3
           GROUP BY attribute HAVING NOT bool_or(standing AND (valid_until IS NULL OR valid_until > $4))""",
        dossier_uid, party_uid, subject_id, now,
    )  # fmt: skip
    return {row["attribute"] for row in rows}


async def granted_attributes(
    tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid, subject_id: SubjectId, *, now: datetime
) -> set[str]:
    """Return what may be released of this party now."""
    rows = await tx.fetch(
        """SELECT DISTINCT unnest(attributes) AS attribute FROM release_grant
           WHERE dossier_uid = $1 AND party_uid = $2 AND subject_id = $3 AND standing
             AND (valid_until IS NULL OR valid_until > $4)""",
        dossier_uid, party_uid, subject_id, now,
    )  # fmt: skip
    return {row["attribute"] for row in rows}
