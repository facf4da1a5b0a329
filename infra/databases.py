"""Makes the database of each service: owned by one role, used by another, closed to everybody else."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import asyncpg

# A service that hangs in a transaction holds everybody's locks: the server ends it.
_SERVICE_TIMEOUTS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}

Superuser = Callable[[str], AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]]
"""Connects the superuser to a database."""


class Passwords(Protocol):
    """A password for each role: hexadecimal digits, so that it may stand in a statement."""

    def __getitem__(self, role: str, /) -> str: ...


async def ensure_databases(superuser: Superuser, passwords: Passwords, *names: str) -> None:
    """Make each database with its two roles, unless it is there; nobody else may connect.

    `<name>_owner` owns the schema and runs migrations; `<name>` may use what the owner makes, not change it.
    """
    async with superuser("postgres") as admin:
        await admin.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")
        for name in names:
            await _ensure_roles(admin, passwords, name)
        await _ensure_created(admin, names)
    await asyncio.gather(*(_grant(superuser, name) for name in names))


async def _ensure_roles(admin: "asyncpg.Connection[asyncpg.Record]", passwords: Passwords, name: str) -> None:
    for role in (f"{name}_owner", name):
        if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await admin.execute(f"CREATE ROLE {role} LOGIN")
        await admin.execute(f"ALTER ROLE {role} PASSWORD '{passwords[role]}'")
    for setting, value in _SERVICE_TIMEOUTS.items():
        await admin.execute(f"ALTER ROLE {name} SET {setting} = '{value}'")
    await admin.execute(f"ALTER ROLE {name}_owner SET lock_timeout = '5s'")


async def _ensure_created(admin: "asyncpg.Connection[asyncpg.Record]", names: tuple[str, ...]) -> None:
    existing = {row["datname"] for row in await admin.fetch("SELECT datname FROM pg_database")}
    for name in names:
        if name not in existing:
            await admin.execute(f"CREATE DATABASE {name} OWNER {name}_owner")


async def _grant(superuser: Superuser, name: str) -> None:
    async with superuser(name) as admin, admin.transaction():
        await admin.execute(f"""
            REVOKE ALL ON DATABASE {name} FROM PUBLIC;
            GRANT CONNECT ON DATABASE {name} TO {name};
            ALTER SCHEMA public OWNER TO {name}_owner;
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {name};
            ALTER DEFAULT PRIVILEGES FOR ROLE {name}_owner IN SCHEMA public
              GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name};
            ALTER DEFAULT PRIVILEGES FOR ROLE {name}_owner IN SCHEMA public
              GRANT USAGE ON SEQUENCES TO {name};
        """)
