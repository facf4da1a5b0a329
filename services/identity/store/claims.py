"""SQL about claims and their encrypted values."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from asyncpg import Record
from pydantic import JsonValue

from services.identity.domain.claims import Claims, ClaimsState, Source
from services.identity.domain.ids import CheckId, ClaimsId, DossierUid, LoginId, PartyUid, SubjectId
from services.identity.sealing import Safe
from services.identity.store import citizens
from shared.db import Tx

_SELECT = """
SELECT claims_id, subject_id, dossier_uid, party_uid, source, login_id, check_id, state, attributes, granted, salt,
       digest, acr, account_level, verified_at, until FROM claims
"""


async def insert(tx: Tx, safe: Safe, claims: Claims, values: Mapping[str, JsonValue]) -> None:
    """Store new claims, each value encrypted in a row of its own."""
    await tx.execute(
        """
        INSERT INTO claims (claims_id, subject_id, dossier_uid, party_uid, source, login_id, check_id, state,
               attributes, granted, salt, digest, acr, account_level, verified_at, until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        """,
        claims.claims_id, claims.subject_id, claims.dossier_uid, claims.party_uid, claims.source, claims.login_id,
        claims.check_id, claims.state, list(claims.attributes), list(claims.granted), claims.salt, claims.digest,
        claims.acr, claims.account_level, claims.verified_at, claims.until,
    )  # fmt: skip
    wrapped = await citizens.wrapped_key(tx, claims.subject_id)
    await tx.executemany(
        "INSERT INTO claim_value (claims_id, attribute, subject_id, sealed) VALUES ($1, $2, $3, $4)",
        [
            (claims.claims_id, name, claims.subject_id, safe.seal_value(wrapped, claims.claims_id, name, value))
            for name, value in values.items()
        ],
    )


async def update(tx: Tx, claims: Claims) -> None:
    """Store how locked claims stand now."""
    await tx.execute(
        """UPDATE claims SET state = $2, attributes = $3, granted = $4, digest = $5, until = $6 WHERE claims_id = $1""",
        claims.claims_id, claims.state, list(claims.attributes), list(claims.granted), claims.digest, claims.until,
    )  # fmt: skip


async def delete_values(tx: Tx, claims_id: ClaimsId, *, but: Iterable[str] = ()) -> None:
    """Delete the values of claims, but for these attributes."""
    await tx.execute(
        "DELETE FROM claim_value WHERE claims_id = $1 AND attribute <> ALL ($2)", claims_id, list(but)
    )  # fmt: skip


async def read_values(tx: Tx, safe: Safe, claims: Claims, attributes: Iterable[str]) -> dict[str, JsonValue]:
    """Decrypt these attributes of claims."""
    rows = await tx.fetch(
        "SELECT attribute, sealed FROM claim_value WHERE claims_id = $1 AND attribute = ANY ($2) ORDER BY attribute",
        claims.claims_id, list(attributes),
    )  # fmt: skip
    wrapped = await citizens.wrapped_key(tx, claims.subject_id)
    return {
        row["attribute"]: safe.open_value(wrapped, claims.claims_id, row["attribute"], row["sealed"]) for row in rows
    }


async def find(tx: Tx, claims_id: ClaimsId) -> Claims | None:
    """Return claims."""
    row = await tx.fetchrow(_SELECT + "WHERE claims_id = $1", claims_id)
    return _claims(row) if row else None


async def find_for_update(tx: Tx, claims_id: ClaimsId) -> Claims | None:
    """Return claims, their row locked."""
    row = await tx.fetchrow(_SELECT + "WHERE claims_id = $1 FOR UPDATE", claims_id)
    return _claims(row) if row else None


async def of_login_for_update(tx: Tx, login_id: LoginId) -> Claims | None:
    """Return the claims of a login, their row locked."""
    row = await tx.fetchrow(_SELECT + "WHERE login_id = $1 FOR UPDATE", login_id)
    return _claims(row) if row else None


async def of_party(tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid, subject_id: SubjectId) -> list[Claims]:
    """Return all claims of the person who is this party, newest first."""
    rows = await tx.fetch(
        _SELECT + """WHERE dossier_uid = $1 AND party_uid = $2 AND subject_id = $3
                     ORDER BY verified_at DESC, claims_id DESC""",
        dossier_uid, party_uid, subject_id,
    )  # fmt: skip
    return [_claims(row) for row in rows]


async def waiting_of_party_for_update(
    tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid, subject_id: SubjectId
) -> list[Claims]:
    """Return the claims of this party that are held or collectable, locked in one order for all."""
    rows = await tx.fetch(
        _SELECT + """WHERE dossier_uid = $1 AND party_uid = $2 AND subject_id = $3
                       AND state IN ('held', 'collectable') ORDER BY claims_id FOR UPDATE""",
        dossier_uid, party_uid, subject_id,
    )  # fmt: skip
    return [_claims(row) for row in rows]


async def due(tx: Tx, *, now: datetime, limit: int) -> list[Claims]:
    """Return claims whose time is over, locked; those that others work on are skipped."""
    rows = await tx.fetch(
        _SELECT + """WHERE state IN ('held', 'collectable') AND until <= $1
                     ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED""",
        now, limit,
    )  # fmt: skip
    return [_claims(row) for row in rows]


def _claims(row: Record) -> Claims:
    return Claims(
        claims_id=ClaimsId(row["claims_id"]),
        subject_id=SubjectId(row["subject_id"]),
        dossier_uid=DossierUid(row["dossier_uid"]),
        party_uid=PartyUid(row["party_uid"]),
        source=Source(row["source"]),
        state=ClaimsState(row["state"]),
        attributes=tuple(row["attributes"]),
        granted=tuple(row["granted"]),
        salt=row["salt"],
        digest=row["digest"],
        verified_at=row["verified_at"],
        until=row["until"],
        login_id=LoginId(row["login_id"]) if row["login_id"] else None,
        check_id=CheckId(row["check_id"]) if row["check_id"] else None,
        acr=row["acr"],
        account_level=row["account_level"],
    )
