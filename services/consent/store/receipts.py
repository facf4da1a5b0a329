"""SQL about signed receipts."""

from collections.abc import Collection
from uuid import UUID

from asyncpg import Record

from services.consent.domain.ids import GrantId, ReceiptId, SubjectId
from services.consent.domain.receipt import Receipt
from shared.db import Tx

_SELECT = "SELECT receipt_id, grant_id, subject_id, client_id, sub, about, jws, signed_at FROM receipt "


async def insert(tx: Tx, receipt: Receipt) -> None:
    """Store a receipt; there is one about each grant and one about each withdrawal."""
    await tx.execute(
        """
        INSERT INTO receipt (receipt_id, grant_id, subject_id, client_id, sub, about, jws, signed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        receipt.receipt_id, receipt.grant_id, receipt.subject_id, receipt.client_id, receipt.sub, receipt.about,
        receipt.jws, receipt.signed_at,
    )  # fmt: skip


async def find(tx: Tx, receipt_id: UUID) -> Receipt | None:
    """Return a receipt."""
    row = await tx.fetchrow(_SELECT + "WHERE receipt_id = $1", receipt_id)
    return _receipt(row) if row else None


async def find_of_withdrawal(tx: Tx, grant_id: UUID) -> Receipt | None:
    """Return the receipt that names when a withdrawal works."""
    row = await tx.fetchrow(_SELECT + "WHERE grant_id = $1 AND about = 'withdrawn'", grant_id)
    return _receipt(row) if row else None


async def of_withdrawals(tx: Tx, grant_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the receipts about these grants' withdrawals: grant to receipt."""
    rows = await tx.fetch(
        "SELECT grant_id, receipt_id FROM receipt WHERE grant_id = ANY($1) AND about = 'withdrawn'", list(grant_ids)
    )
    return {row["grant_id"]: row["receipt_id"] for row in rows}


async def sub_of(tx: Tx, grant_id: UUID) -> str:
    """Return whom a grant's receipt names."""
    return await tx.fetchval("SELECT sub FROM receipt WHERE grant_id = $1 AND about = 'granted'", grant_id)


def _receipt(row: Record) -> Receipt:
    return Receipt(
        receipt_id=ReceiptId(row["receipt_id"]),
        grant_id=GrantId(row["grant_id"]),
        subject_id=SubjectId(row["subject_id"]),
        client_id=row["client_id"],
        sub=row["sub"],
        about=row["about"],
        jws=row["jws"],
        signed_at=row["signed_at"],
    )
