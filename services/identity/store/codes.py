"""SQL about authorization codes: kept as hashes, good for one use, the second of which is remembered."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.ids import FlowId
from shared.db import Tx


@dataclass(frozen=True)
class Code:
    """An issued code, and what became of it."""

    flow_id: FlowId
    attributes: tuple[str, ...]
    expires_at: datetime
    is_used: bool


async def insert(tx: Tx, code_hash: bytes, code: Code) -> None:
    """Store a new code."""
    await tx.execute(
        "INSERT INTO code (code_hash, flow_id, attributes, expires_at) VALUES ($1, $2, $3, $4)",
        code_hash, code.flow_id, list(code.attributes), code.expires_at,
    )  # fmt: skip


async def find_for_update(tx: Tx, code_hash: bytes) -> Code | None:
    """Return a code, its row locked: of two uses at once one is the second."""
    row = await tx.fetchrow(
        """SELECT flow_id, attributes, expires_at, used_at IS NOT NULL AS is_used FROM code
           WHERE code_hash = $1 FOR UPDATE""",
        code_hash,
    )
    if row is None:
        return None
    return Code(FlowId(row["flow_id"]), tuple(row["attributes"]), row["expires_at"], row["is_used"])


async def use(tx: Tx, code_hash: bytes, *, token_id: str, now: datetime) -> None:
    """Note which token a locked code was traded for."""
    await tx.execute("UPDATE code SET used_at = $2, token_id = $3 WHERE code_hash = $1", code_hash, now, token_id)


async def revoke(tx: Tx, code_hash: bytes, now: datetime) -> None:
    """Note that a code came a second time: what the first gave is not to be relied on (RFC 6749 §4.1.2)."""
    await tx.execute(
        "UPDATE code SET revoked_at = $2 WHERE code_hash = $1 AND revoked_at IS NULL", code_hash, now
    )  # fmt: skip
