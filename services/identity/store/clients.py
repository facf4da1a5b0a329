"""SQL about calling systems and their mandates."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from services.identity.domain.client import Client, ClientKind, DatedMandate
from shared.db import Tx
from shared.tokens import Mandate

_MANDATE = """
SELECT mandate_id, client_id, kind, agency_uid, procedures, valid_from, valid_until, legal_ref FROM mandate
"""


async def upsert(tx: Tx, client: Client) -> None:
    """Store a client as the registration file has it now."""
    await tx.execute(
        """
        INSERT INTO client (client_id, name, kind, jwks, redirect_uris) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (client_id) DO UPDATE SET name = excluded.name, kind = excluded.kind, jwks = excluded.jwks,
               redirect_uris = excluded.redirect_uris, retired_at = NULL
        """,
        client.client_id, client.name, client.kind, dict(client.jwks), list(client.redirect_uris),
    )  # fmt: skip


async def upsert_mandate(tx: Tx, dated: DatedMandate) -> None:
    """Store a mandate as the registration file has it now."""
    await tx.execute(
        """
        INSERT INTO mandate (mandate_id, client_id, kind, agency_uid, procedures, valid_from, valid_until, legal_ref)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (mandate_id) DO UPDATE SET client_id = excluded.client_id, kind = excluded.kind,
               agency_uid = excluded.agency_uid, procedures = excluded.procedures, valid_from = excluded.valid_from,
               valid_until = excluded.valid_until, legal_ref = excluded.legal_ref, retired_at = NULL
        """,
        dated.mandate.id, dated.client_id, dated.mandate.kind, dated.agency_uid, list(dated.mandate.procedures),
        dated.valid_from, dated.mandate.until, dated.legal_ref,
    )  # fmt: skip


async def retire_others(tx: Tx, *, clients: Sequence[str], mandates: Sequence[str], now: datetime) -> None:
    """Retire whom and what the registration file no longer names."""
    await tx.execute(
        "UPDATE client SET retired_at = $2 WHERE client_id <> ALL ($1) AND retired_at IS NULL", list(clients), now
    )
    await tx.execute(
        "UPDATE mandate SET retired_at = $2 WHERE mandate_id <> ALL ($1) AND retired_at IS NULL", list(mandates), now
    )


async def find(tx: Tx, client_id: str) -> Client | None:
    """Return a client that is registered now."""
    row = await tx.fetchrow(
        """SELECT client_id, name, kind, jwks, redirect_uris FROM client
           WHERE client_id = $1 AND retired_at IS NULL""",
        client_id,
    )
    return _client(row) if row else None


async def mandates_of(tx: Tx, client_id: str, agency_uid: str, *, now: datetime) -> list[DatedMandate]:
    """Return the mandates by which a client acts for an agency at this instant."""
    rows = await tx.fetch(
        _MANDATE + """WHERE client_id = $1 AND agency_uid = $2 AND retired_at IS NULL
                        AND valid_from <= $3 AND (valid_until IS NULL OR $3 < valid_until) ORDER BY mandate_id""",
        client_id, agency_uid, now,
    )  # fmt: skip
    return [_mandate(row) for row in rows]


def _client(row: Record) -> Client:
    return Client(
        client_id=row["client_id"],
        name=row["name"],
        kind=ClientKind(row["kind"]),
        jwks=row["jwks"],
        redirect_uris=tuple(row["redirect_uris"]),
    )


def _mandate(row: Record) -> DatedMandate:
    return DatedMandate(
        mandate=Mandate(row["mandate_id"], row["kind"], tuple(row["procedures"]), row["valid_until"]),
        client_id=row["client_id"],
        agency_uid=row["agency_uid"],
        valid_from=row["valid_from"],
        legal_ref=row["legal_ref"],
    )
