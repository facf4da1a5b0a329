"""Her own login, from the first click to a session; what her browser holds is kept here as a hash."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_urlsafe

from services.consent.clients.login import SOURCE_ERRORS, LoginClient, LoginFailed, LoginSourceFailed
from services.consent.domain.ids import SubjectId
from services.consent.store import sessions
from shared.db import Database, Tx
from shared.hashes import hash_of
from shared.languages import Language
from shared.tokens import TokenVerifier

LOGIN_TAKES = timedelta(minutes=10)
SESSION_LASTS = timedelta(minutes=20)


@dataclass(frozen=True)
class Callback:
    """What identity's redirect carried back."""

    state: str
    iss: str | None
    code: str | None
    error: str | None = None


async def begin(db: Database, *, login: LoginClient, browser_hash: bytes, language: Language, now: datetime) -> str:
    """Begin a login for this browser and return the address to send it to. Raises LoginUnavailable."""
    state = token_urlsafe(32)
    beginning = await login.begin(state, now, language=language)
    async with db.transaction() as tx:
        await sessions.insert_flow(
            tx, sessions.LoginFlow(hash_of(state), browser_hash, beginning.code_verifier, now + LOGIN_TAKES)
        )
    return beginning.address


async def finish(
    db: Database,
    *,
    login: LoginClient,
    verifier: TokenVerifier,
    browser_hash: bytes,
    callback: Callback,
    now: datetime,
) -> str:
    """Turn the redirect back into a session and return its secret, for her cookie alone.

    The state is used up first, so that an answer counts once and only in the browser that began (RFC 9700 §4.7).
    Raises LoginFailed, LoginSourceFailed or LoginUnavailable.
    """
    async with db.transaction() as tx:
        flow = await sessions.take_flow(tx, hash_of(callback.state), browser_hash, now)
    if flow is None:
        raise LoginFailed
    login.check_issuer(callback.iss)
    if callback.error in SOURCE_ERRORS:
        raise LoginSourceFailed
    if callback.code is None:
        raise LoginFailed
    subject_id = await login.finish(callback.code, flow.code_verifier, verifier, now)
    secret = token_urlsafe(32)
    async with db.transaction() as tx:
        await sessions.insert(tx, hash_of(secret), subject_id, now + SESSION_LASTS)
    return secret


async def find_citizen(tx: Tx, secret: str | None, now: datetime) -> SubjectId | None:
    """Return who is logged in with this cookie, if anybody."""
    return await sessions.find_subject(tx, hash_of(secret), now) if secret else None


async def log_out(tx: Tx, secret: str) -> None:
    """End her session."""
    await sessions.delete(tx, hash_of(secret))


async def forget_expired(db: Database, now: datetime) -> None:
    """Drop sessions and logins that are over (timer)."""
    async with db.transaction() as tx:
        await sessions.forget_expired(tx, now)
