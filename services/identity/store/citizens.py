"""SQL about citizens: found by a keyed hash of their number, read only with their own data key."""

from datetime import datetime
from secrets import token_urlsafe

from asyncpg import Record

from services.identity.domain.citizen import Citizen
from services.identity.domain.ids import SubjectId
from services.identity.sealing import Safe
from shared.db import Tx

_SELECT = """
SELECT c.subject_id, c.pin_sealed, c.full_name_sealed, c.birth_date_sealed, c.account_level, c.provisional, c.keys_at,
       c.version, k.wrapped
  FROM citizen c JOIN data_key k USING (subject_id)
"""


async def find_by_pin_for_update(tx: Tx, safe: Safe, pin: str) -> Citizen | None:
    """Return the one citizen of a number, and keep others from changing her until this transaction ends."""
    row = await tx.fetchrow(_SELECT + "WHERE c.pin_index = $1 FOR UPDATE OF c", safe.index(pin))
    return _citizen(row, safe) if row else None


async def find(tx: Tx, safe: Safe, subject_id: SubjectId) -> Citizen | None:
    """Return a citizen."""
    row = await tx.fetchrow(_SELECT + "WHERE c.subject_id = $1", subject_id)
    return _citizen(row, safe) if row else None


async def insert(tx: Tx, safe: Safe, citizen: Citizen) -> bool:
    """Store a new citizen with a data key of her own; False, and nothing stored, when her number is known by now.

    A concurrent insert of the same number is waited for.
    """
    wrapped = safe.new_data_key()
    sealed = safe.seal_keys(wrapped, citizen.subject_id, citizen.version, citizen.keys)
    stored = await tx.fetchval(
        """
        INSERT INTO citizen (subject_id, pin_index, pin_sealed, full_name_sealed, birth_date_sealed, birth_precision,
               account_level, provisional, keys_at, version)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (pin_index) DO NOTHING RETURNING true
        """,
        citizen.subject_id, safe.index(citizen.keys.pin), *sealed, citizen.keys.birth_date.precision,
        citizen.account_level, citizen.provisional, citizen.keys_at, citizen.version,
    )  # fmt: skip
    if stored:
        await tx.execute("INSERT INTO data_key (subject_id, wrapped) VALUES ($1, $2)", citizen.subject_id, wrapped)
    return bool(stored)


async def update(tx: Tx, safe: Safe, citizen: Citizen) -> None:
    """Store a locked citizen's keys anew, under the next version."""
    sealed = safe.seal_keys(
        await wrapped_key(tx, citizen.subject_id), citizen.subject_id, citizen.version, citizen.keys
    )
    await tx.execute(
        """
        UPDATE citizen SET pin_sealed = $2, full_name_sealed = $3, birth_date_sealed = $4, birth_precision = $5,
               account_level = $6, provisional = $7, keys_at = $8, version = $9 WHERE subject_id = $1
        """,
        citizen.subject_id, *sealed, citizen.keys.birth_date.precision, citizen.account_level, citizen.provisional,
        citizen.keys_at, citizen.version,
    )  # fmt: skip


async def confirm(tx: Tx, subject_id: SubjectId, *, keys_before: datetime) -> None:
    """Note that a source knows her, unless her keys are newer than what it was asked with."""
    await tx.execute(
        "UPDATE citizen SET provisional = false WHERE subject_id = $1 AND provisional AND keys_at <= $2",
        subject_id, keys_before,
    )  # fmt: skip


async def wrapped_key(tx: Tx, subject_id: SubjectId) -> bytes:
    """Return a citizen's wrapped data key."""
    return await tx.fetchval("SELECT wrapped FROM data_key WHERE subject_id = $1", subject_id)


async def sub_for(tx: Tx, subject_id: SubjectId, sector: str) -> str:
    """Return her identifier towards one sector, made at random the first time."""
    sql = "SELECT sub FROM pairwise_subject WHERE subject_id = $1 AND sector = $2"
    if (known := await tx.fetchval(sql, subject_id, sector)) is not None:
        return known
    await tx.execute(
        "INSERT INTO pairwise_subject (subject_id, sector, sub) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        subject_id, sector, token_urlsafe(16),
    )  # fmt: skip
    return await tx.fetchval(sql, subject_id, sector)


def _citizen(row: Record, safe: Safe) -> Citizen:
    subject_id = SubjectId(row["subject_id"])
    return Citizen(
        subject_id=subject_id,
        keys=safe.open_keys(
            row["wrapped"], subject_id, row["version"],
            pin=row["pin_sealed"], full_name=row["full_name_sealed"], birth_date=row["birth_date_sealed"],
        ),
        account_level=row["account_level"],
        provisional=row["provisional"],
        keys_at=row["keys_at"],
        version=row["version"],
    )  # fmt: skip
