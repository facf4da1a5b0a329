"""A schema goes forward only, once, whoever calls and however many."""

import asyncio
import secrets
import string
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from infra.embedded.stack import Stack
from shared import migrations
from shared.migrations import MigrationError, migrate, read_set


def test_files_out_of_order_or_misnamed_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("SELECT 1")
    assert [m.number for m in read_set("any", tmp_path)] == [1]
    (tmp_path / "0003_third.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="0003_third"):
        read_set("any", tmp_path)


def test_the_names_of_our_own_files_are_in_order() -> None:
    root = Path(migrations.__file__).parent.parent
    for folder in (root / "shared" / "sql", *root.glob("services/*/migrations")):
        assert read_set(folder.parent.name, folder)


@pytest.mark.stack
async def test_several_processes_at_once_apply_each_file_once(stack: Stack) -> None:
    owner = await database(stack)
    applied = await asyncio.gather(*(migrate(owner, "nothing") for _ in range(4)))
    assert sorted(len(found) for found in applied)[:3] == [0, 0, 0]
    assert await migrate(owner, "nothing") == []


@pytest.mark.stack
async def test_an_operator_migrates_by_a_command_as_often_as_wanted(stack: Stack) -> None:
    owner = await database(stack)
    command = [sys.executable, "-m", "shared.migrations", "consent"]
    said = [
        await asyncio.to_thread(subprocess.run, command, env=environment, text=True, capture_output=True, check=False)
        for environment in ({"MIGRATE_DATABASE_URL": owner}, {"MIGRATE_DATABASE_URL": owner}, {})
    ]
    assert [each.returncode for each in said] == [0, 0, 1]
    assert said[0].stdout.splitlines()[-1].startswith("consent\t")
    assert said[1].stdout == ""
    assert said[2].stderr == "Nothing more was applied: KeyError: 'MIGRATE_DATABASE_URL'\n"


@pytest.mark.stack
async def test_a_file_edited_after_it_was_applied_is_refused_before_anything_changes(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await database(stack)
    folder = tmp_path / "shared" / "sql"
    folder.mkdir(parents=True)
    monkeypatch.setattr(migrations, "_ROOT", tmp_path)
    (folder / "0001_one.sql").write_text("CREATE TABLE one (a integer)")
    await migrate(owner, "nothing")
    (folder / "0001_one.sql").write_text("CREATE TABLE one (b integer)")
    (folder / "0002_two.sql").write_text("CREATE TABLE two (a integer)")
    with pytest.raises(MigrationError, match="edited"):
        await migrate(owner, "nothing")
    connection = await asyncpg.connect(owner)
    assert await connection.fetchval("SELECT to_regclass('two')") is None
    await connection.close()


@pytest.mark.stack
async def test_a_file_that_fails_leaves_nothing_behind(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await database(stack)
    folder = tmp_path / "shared" / "sql"
    folder.mkdir(parents=True)
    monkeypatch.setattr(migrations, "_ROOT", tmp_path)
    (folder / "0001_one.sql").write_text("CREATE TABLE one (a integer); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(owner, "nothing")
    (folder / "0001_one.sql").write_text("CREATE TABLE one (a integer)")
    assert [m.name for m in await migrate(owner, "nothing")] == ["0001_one.sql"]


@pytest.mark.stack
async def test_the_service_may_use_the_schema_and_neither_change_it_nor_say_what_was_applied(stack: Stack) -> None:
    name = "m" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
    dsns = (await stack.postgres.ensure_databases(name))[name]
    await migrate(dsns.owner, "nothing")
    service = await asyncpg.connect(dsns.service)
    assert await service.fetchval("SELECT count(*) FROM schema_migration") > 0
    for statement in (
        "CREATE TABLE own (a integer)",
        "ALTER TABLE outbox ADD COLUMN own integer",
        "DROP TABLE outbox",
        "TRUNCATE outbox",
        "CREATE TEMPORARY TABLE own (a integer)",
        "DELETE FROM schema_migration",
        "UPDATE schema_migration SET name = ''",
        "INSERT INTO schema_migration SELECT set, number + 1000, name, sha256 FROM schema_migration",
        f"SET ROLE {name}_owner",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    await service.close()


async def database(stack: Stack) -> str:
    name = "m" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))
    return (await stack.postgres.ensure_databases(name))[name].owner
