"""Fills reuse's tables with citizens in bulk: one stored by the service's own code, the others copies of her in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from infra.embedded.postgres import Postgres
from shared.db import Database
from shared.migrations import migrate
from shared.vault import Vault
from tests.perf.citizen import VALUES, seal, store_citizen

if TYPE_CHECKING:
    AnyConnection = asyncpg.Connection[asyncpg.Record]

_SUBJECT, _DOSSIER, _PARTY, _GRANT, _EVIDENCE, _HOLDING = range(1, 7)


@dataclass(frozen=True)
class Target:
    """A citizen whose evidence opens, so that it can be released; of the others only the bytes are there."""

    dossier_uid: UUID
    party_uid: UUID


async def populate(postgres: Postgres, name: str, *, vault: Vault, citizens: int, targets: int) -> list[Target]:
    """Make and fill a database of reuse's; returns about so many targets, spread evenly among all citizens."""
    database = (await postgres.ensure_databases(name))[name]
    await migrate(database.owner, "reuse")
    db = await Database.connect(database.service)
    await store_citizen(db, vault)
    await db.close()
    chosen = range(1, citizens + 1, max(1, citizens // targets))
    admin = await asyncpg.connect(postgres.dsn("postgres", name), ssl=False)
    try:
        await admin.execute("SET session_replication_role = replica")  # copies refer to copies: nothing to check
        await _stage(admin, vault, chosen)
        for table, changed in _copies().items():
            await _copy(admin, table, changed, citizens)
        await admin.execute("VACUUM (ANALYZE)")
        await admin.execute("CHECKPOINT")
    finally:
        await admin.close()
    return [Target(_uid(_DOSSIER, n), _uid(_PARTY, n)) for n in chosen]


def _uid(kind: int, number: int) -> UUID:
    """Name the row of a kind that is citizen `number`'s; ids rise with the numbers, as UUIDv7 do with time."""
    return UUID(f"01980000-{kind:04x}-7000-8000-{number:012x}")


def _sql_uid(kind: int) -> str:
    return f"('01980000-{kind:04x}-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"


def _sql_uid_by_attribute(kind: int) -> str:
    cases = " ".join(f"WHEN '{name}' THEN {_sql_uid(kind << 8 | place)}" for place, name in enumerate(VALUES))
    return f"CASE attribute {cases} END"


async def _stage(admin: "AnyConnection", vault: Vault, chosen: Sequence[int]) -> None:
    """Make the chosen citizens' keys, and seal their values for the rows they will lie in."""
    await admin.execute("CREATE TEMP TABLE staged_key (subject_id uuid PRIMARY KEY, wrapped bytea)")
    await admin.execute("CREATE TEMP TABLE staged (evidence_id uuid PRIMARY KEY, sealed bytea)")
    keys = {_uid(_SUBJECT, n): vault.new_data_key() for n in chosen}
    values = [
        (row := _uid(_EVIDENCE << 8 | place, n), seal(vault, keys[subject], subject, attribute, row))
        for n, subject in zip(chosen, keys, strict=True)
        for place, attribute in enumerate(VALUES)
    ]
    await admin.copy_records_to_table("staged_key", records=list(keys.items()))
    await admin.copy_records_to_table("staged", records=values)


def _copies() -> Mapping[str, Mapping[str, str]]:
    """Say of each table which columns of a copy differ from what is copied."""
    subject, dossier, party, grant = map(_sql_uid, (_SUBJECT, _DOSSIER, _PARTY, _GRANT))
    row, holding = _sql_uid_by_attribute(_EVIDENCE), _sql_uid_by_attribute(_HOLDING)
    return {
        "dossier": {"dossier_uid": dossier, "client_ref": "'ref-' || n"},
        "party": {"party_uid": party, "dossier_uid": dossier, "subject_id": subject},
        "component": {"dossier_uid": dossier, "party_uid": party},
        "grant_copy": {
            "grant_id": grant, "subject_id": subject, "dossier_uid": dossier, "party_uid": party,
            "sub": "'pairwise-' || lpad(n::text, 10, '0')",
        },
        "data_key": {
            "subject_id": subject,
            "wrapped": f"coalesce((SELECT s.wrapped FROM staged_key s WHERE s.subject_id = {subject}), t.wrapped)",  # noqa: S608 - constants
        },
        "holding": {
            "holding_id": holding, "evidence_id": row, "subject_id": subject, "dossier_uid": dossier,
            "grant_id": grant,
        },
        "evidence": {
            "evidence_id": row, "subject_id": subject, "dossier_uid": dossier,
            "sealed": f"coalesce((SELECT s.sealed FROM staged s WHERE s.evidence_id = {row}), t.sealed)",  # noqa: S608 - constants
        },
    }  # fmt: skip


async def _copy(admin: "AnyConnection", table: str, changed: Mapping[str, str], citizens: int) -> None:
    names = await admin.fetchval(
        """SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
           WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped""",
        table,
    )
    values = ", ".join(changed.get(name, f"t.{name}") for name in names)
    attributes = "JOIN evidence e USING (evidence_id, subject_id, dossier_uid)" if table == "holding" else ""
    copied = f"SELECT t.*{', e.attribute' if attributes else ''} FROM {table} t {attributes}"  # noqa: S608 - constants
    await admin.execute(
        f"INSERT INTO {table} ({', '.join(names)}) "  # noqa: S608 - constants
        f"SELECT {values} FROM ({copied}) t CROSS JOIN generate_series(1, {citizens}) n"
    )
