"""The service that keeps the log cannot rewrite it: its database role adds leaves and checkpoints, and no more."""

import asyncpg
import pytest

from infra.embedded.stack import Stack
from services.audit.service import sequencing
from shared.db import Database
from tests.services.audit.test_log import KEY, NOW, keep, make_event

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE leaf SET canonical = canonical || '\\x20'",
        "DELETE FROM leaf",
        "UPDATE checkpoint SET root = sha256(root)",
        "DELETE FROM checkpoint",
        "UPDATE entry SET type = 'consent.other.v1'",
        "UPDATE entry SET digest = sha256(digest)",
        "UPDATE entry SET sequence = sequence + 100",
        "DELETE FROM entry",
        "TRUNCATE entry, leaf, checkpoint",
    ],
)
async def test_the_role_of_the_service_cannot_rewrite_the_log(db: Database, migrated: Stack, statement: str) -> None:
    await keep(db, [make_event(number) for number in (1, 2)])
    await sequencing.sequence(db, key=KEY, now=NOW)
    service = await asyncpg.connect(migrated.databases["audit"].service)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)
    finally:
        await service.close()
    assert await sequencing.rehash(db) is None
