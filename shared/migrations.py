"""Schema changes as numbered SQL files, applied forward only, by the owner role, once."""

import argparse
import asyncio
import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import asyncpg

_ROOT = Path(__file__).parent.parent
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK = 7_306_142_001  # any number, as long as nothing else in the database locks it

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migration (
  set        text        NOT NULL,
  number     integer     NOT NULL CHECK (number > 0),
  name       text        NOT NULL,
  sha256     bytea       NOT NULL CHECK (length(sha256) = 32),
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (set, number)
)
"""

# Who may use every table of ours (default privileges) may not write down which migrations ran.
_LEDGER_IS_THE_OWNERS = """
DO $$
DECLARE other text;
BEGIN
  FOR other IN SELECT DISTINCT grantee FROM information_schema.role_table_grants
                WHERE table_name = 'schema_migration' AND grantee <> current_user AND privilege_type <> 'SELECT'
  LOOP
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON schema_migration FROM %I', other);
  END LOOP;
END $$
"""


class MigrationError(Exception):
    """A migration file is misnamed, out of order, missing, or was edited after it had been applied."""


@dataclass(frozen=True)
class Migration:
    """One file of SQL: `0001_grants.sql` is number 1 of its set ('shared' or the service's name)."""

    set: str
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """Return the digest by which an edited file is found out."""
        return hashlib.sha256(self.sql.encode()).digest()


async def migrate(owner_dsn: str, service: str) -> list[Migration]:
    """Bring a service's database to the newest schema and return what was applied now.

    The shared files come first, then the service's. Each file is one transaction. Several processes may call this
    at once: one works, the others wait and find nothing to do. Raises MigrationError before it changes anything.
    """
    migrations = read_set("shared", _ROOT / "shared" / "sql")
    migrations += read_set(service, _ROOT / "services" / service / "migrations")
    connection = await asyncpg.connect(owner_dsn, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)  # ends with the connection
        await connection.execute(_LEDGER)
        await connection.execute(_LEDGER_IS_THE_OWNERS)
        pending = await _pending(connection, migrations)
        for migration in pending:
            await _apply(connection, migration)
        return pending
    finally:
        await connection.close()


def read_set(name: str, folder: Path) -> list[Migration]:
    """Return the migrations of a folder in order; an absent folder has none. Raises MigrationError."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise MigrationError(f"{name}: {path.name} is not number {len(found) + 1:04}")
        found.append(Migration(name, int(match[1]), path.name, path.read_text("utf-8")))
    return found


async def _pending(connection: "asyncpg.Connection[asyncpg.Record]", migrations: list[Migration]) -> list[Migration]:
    rows = await connection.fetch("SELECT set, number, sha256 FROM schema_migration")
    applied = {(row["set"], row["number"]): row["sha256"] for row in rows}
    for migration in migrations:
        if applied.get((migration.set, migration.number), migration.sha256) != migration.sha256:
            raise MigrationError(f"{migration.set}: {migration.name} was edited after it had been applied")
    return [m for m in migrations if (m.set, m.number) not in applied]


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migration (set, number, name, sha256) VALUES ($1, $2, $3, $4)",
            migration.set, migration.number, migration.name, migration.sha256,
        )  # fmt: skip


def main() -> int:
    """Migrate the service that is named, as the owner that MIGRATE_DATABASE_URL names; 1 with a sentence if not."""
    parser = argparse.ArgumentParser(prog="python -m shared.migrations", description=main.__doc__)
    parser.add_argument("service", choices=sorted(each.parent.name for each in _ROOT.glob("services/*/migrations")))
    try:
        applied = asyncio.run(migrate(os.environ["MIGRATE_DATABASE_URL"], parser.parse_args().service))
    except (MigrationError, KeyError, asyncpg.PostgresError, OSError) as error:
        sys.stderr.write(f"Nothing more was applied: {type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write("".join(f"{each.set}\t{each.name}\n" for each in applied))
    return 0


if __name__ == "__main__":
    sys.exit(main())
