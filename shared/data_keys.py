"""Wraps citizens' data keys anew with the key-encryption key in use, so that a former one can be destroyed.

Both services that keep sealed values have the table `data_key (subject_id, wrapped)`. What is sealed stays as it is.
"""

from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from shared.db import Database
from shared.settings import read_key
from shared.vault import Vault

_AT_ONCE = 500
_NEXT = "SELECT subject_id, wrapped FROM data_key WHERE subject_id > $1 ORDER BY subject_id LIMIT $2 FOR UPDATE"
_REPLACE = "UPDATE data_key SET wrapped = $2 WHERE subject_id = $1"


def read_vault(kek: Path, others: Iterable[Path]) -> Vault:
    """Read the key-encryption keys: the one in use, and those beside it. Raises InvalidSettings."""
    return Vault(read_key(kek), *map(read_key, others))


async def rewrap(db: Database, vault: Vault) -> int:
    """Wrap anew what another key wraps, some rows a transaction; return how many there were.

    Repeating it is harmless; one that broke off is begun again. Raises Undecipherable for a key that is not configured.
    """
    rewrapped, after = 0, UUID(int=0)
    while True:
        async with db.transaction() as tx:
            rows = await tx.fetch(_NEXT, after, _AT_ONCE)
            former = [row for row in rows if not vault.is_current(row["wrapped"])]
            await tx.executemany(_REPLACE, [(row["subject_id"], vault.rewrap(row["wrapped"])) for row in former])
        rewrapped += len(former)
        if len(rows) < _AT_ONCE:
            return rewrapped
        after = rows[-1]["subject_id"]
