"""SQL about a citizen's own login: the OAuth transaction under way and the session after it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.consent.domain.ids import SubjectId
from shared.db import Tx


@dataclass(frozen=True)
class LoginFlow:
    """An OAuth transaction; only hashes of what her browser holds."""

    state_hash: bytes
    browser_hash: bytes
    code_verifier: str
    expires_at: datetime


async def insert_flow(tx: Tx, flow: LoginFlow) -> None:
    """Remember a login that begins."""
    await tx.execute(
        "INSERT INTO login_flow (state_hash, browser_hash, code_verifier, expires_at) VALUES ($1, $2, $3, $4)",
        flow.state_hash, flow.browser_hash, flow.code_verifier, flow.expires_at,
    )  # fmt: skip


async def take_flow(tx: Tx, state_hash: bytes, browser_hash: bytes, now: datetime) -> LoginFlow | None:
    """Take a login out, once, for the browser that began it and while it lasts."""
    row = await tx.fetchrow(
        """
        DELETE FROM login_flow WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3
        RETURNING state_hash, browser_hash, code_verifier, expires_at
        """,
        state_hash, browser_hash, now,
    )  # fmt: skip
    return LoginFlow(**row) if row else None


async def insert(tx: Tx, session_hash: bytes, subject_id: SubjectId, expires_at: datetime) -> None:
    """Begin a session."""
    await tx.execute(
        "INSERT INTO session (session_hash, subject_id, expires_at) VALUES ($1, $2, $3)",
        session_hash, subject_id, expires_at,
    )  # fmt: skip


async def find_subject(tx: Tx, session_hash: bytes, now: datetime) -> SubjectId | None:
    """Return whose session it is, while it lasts."""
    subject_id: UUID | None = await tx.fetchval(
        "SELECT subject_id FROM session WHERE session_hash = $1 AND expires_at > $2", session_hash, now
    )
    return SubjectId(subject_id) if subject_id else None


async def delete(tx: Tx, session_hash: bytes) -> None:
    """End a session."""
    await tx.execute("DELETE FROM session WHERE session_hash = $1", session_hash)


async def forget_expired(tx: Tx, now: datetime) -> None:
    """Drop what is over."""
    await tx.execute("DELETE FROM session WHERE expires_at <= $1", now)
    await tx.execute("DELETE FROM login_flow WHERE expires_at <= $1", now)
