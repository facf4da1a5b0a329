"""A key-encryption key is exchanged while everything stays readable, and the former one can be destroyed after it."""

from collections.abc import AsyncGenerator

import pytest

from infra.embedded.stack import Stack
from shared import data_keys
from shared.data_keys import rewrap
from shared.db import Database
from shared.ids import new
from shared.vault import Undecipherable, Vault

pytestmark = pytest.mark.stack

OLD, NEW = b"o" * 32, b"n" * 32
AAD = "citizen|full_name|1|1"


@pytest.fixture
async def db(stack: Stack) -> AsyncGenerator[Database]:
    database = await Database.connect(stack.databases["audit"].owner)
    async with database.transaction() as tx:
        await tx.execute("CREATE TABLE data_key (subject_id uuid PRIMARY KEY, wrapped bytea NOT NULL)")
    yield database
    async with database.transaction() as tx:
        await tx.execute("DROP TABLE data_key")
    await database.close()


async def test_every_data_key_is_wrapped_anew_page_after_page(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_keys, "_AT_ONCE", 3)
    old, both = Vault(OLD), Vault(NEW, OLD)
    kept = {new(): (wrapped := old.new_data_key(), old.seal(wrapped, b"An", AAD)) for _ in range(7)}
    async with db.transaction() as tx:
        rows: list[tuple[object, ...]] = [(subject, wrapped) for subject, (wrapped, _) in kept.items()]
        rows.append((new(), both.new_data_key()))
        await tx.executemany("INSERT INTO data_key VALUES ($1, $2)", rows)
    assert await rewrap(db, both) == 7
    assert await rewrap(db, both) == 0
    async with db.read() as tx:
        found = {row["subject_id"]: row["wrapped"] for row in await tx.fetch("SELECT * FROM data_key")}
    alone = Vault(NEW)
    assert [alone.open(found[subject], sealed, AAD) for subject, (_, sealed) in kept.items()] == [b"An"] * 7


async def test_a_key_that_nobody_configured_leaves_everything_as_it_was(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO data_key VALUES ($1, $2)", new(), wrapped := Vault(OLD).new_data_key())
    with pytest.raises(Undecipherable, match="not configured"):
        await rewrap(db, Vault(NEW))
    async with db.read() as tx:
        assert await tx.fetchval("SELECT wrapped FROM data_key") == wrapped
