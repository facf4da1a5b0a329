"""Verifies an id_token (OpenID Connect Core §3.1.3.7): every check spelled out, none left to a default of a library."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError

from services.identity.clients.vneid.keys import ProviderKeys
from services.identity.clients.vneid.refusals import invalid

LEEWAY = timedelta(seconds=30)
OLDEST = timedelta(minutes=10)
"""An id_token is made when the code is traded, a moment ago."""
MAX_BYTES = 8192
_TIMES = ("exp", "iat", "auth_time")


@dataclass(frozen=True)
class Expected:
    """What the id_token of one login must say."""

    issuer: str
    client_id: str
    algorithm: str
    nonce: str
    access_token: str
    started_at: datetime


@dataclass(frozen=True)
class IdToken:
    """An id_token that has been verified."""

    sub: str
    auth_time: datetime
    acr: str


async def verify(compact: str, keys: ProviderKeys, expected: Expected, now: datetime) -> IdToken:
    """Return what a verified id_token says. Raises LoginFailed."""
    if len(compact) > MAX_BYTES:
        raise invalid()
    try:
        kid = jws.extract_compact(compact.encode()).headers().get("kid")
        key = await keys.find(kid if isinstance(kid, str) else None, now)
        token = jwt.decode(compact, key, algorithms=[expected.algorithm])
        _check_by_authlib(token, expected, now)
    except (JoseError, ValueError, TypeError):
        raise invalid() from None
    return _check_what_authlib_leaves(token.claims, expected, now)


def _check_by_authlib(token: jwt.Token, expected: Expected, now: datetime) -> None:
    """Let Authlib check presence, issuer, azp, expiry, nonce and at_hash; it must be told each of them."""
    options: dict[str, Any] = {
        "iss": {"essential": True, "value": expected.issuer},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": expected.client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "nonce": {"essential": True, "value": expected.nonce},
        "auth_time": {"essential": True},
        "acr": {"essential": True},
        "at_hash": {"essential": True},  # optional in OpenID Connect, but VNeID sends it: missing means tampered with
    }
    params = {"client_id": expected.client_id, "nonce": expected.nonce, "access_token": expected.access_token}
    claims: Any = CodeIDToken(token.claims, token.header, options, params)  # Authlib has no types
    claims.validate(now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds()))


def _check_what_authlib_leaves(claims: dict[str, Any], expected: Expected, now: datetime) -> IdToken:
    # OIDC Core §3.1.3.7 (3): no audience beside us, as a string or as a list of one.
    audience: object = claims["aud"]
    if isinstance(audience, list):
        audience = cast(list[object], audience)[0] if len(cast(list[object], audience)) == 1 else None
    if audience != expected.client_id:
        raise invalid()
    sub, acr = claims["sub"], claims["acr"]
    if not isinstance(sub, str) or not 1 <= len(sub) <= 255 or not isinstance(acr, str):
        raise invalid()
    expires, issued, authenticated = (_instant(claims[name]) for name in _TIMES)
    if not now - LEEWAY < expires or not now - OLDEST - LEEWAY <= issued <= now + LEEWAY:
        raise invalid()
    # R4: this very login, not a session somebody left open (`prompt=login`, OIDC Core §3.1.2.1 `max_age`).
    if not expected.started_at - LEEWAY <= authenticated <= now + LEEWAY:
        raise invalid()
    return IdToken(sub, authenticated, acr)


def _instant(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1 << 32:
        raise invalid()
    return datetime.fromtimestamp(value, UTC)
