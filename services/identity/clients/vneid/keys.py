"""The provider's signing keys, trusted for ten minutes at a time and looked for anew when an unknown one signs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey
from pydantic import BaseModel, Field, JsonValue, ValidationError

from services.identity.clients.vneid.refusals import invalid

LIFETIME = timedelta(minutes=10)
"""A key that VNeID has withdrawn is trusted no longer than this, whatever Authlib would cache."""
AFTER_A_VAIN_LOOK = timedelta(seconds=10)
"""So that a flood of invented key names is no flood of fetches; a key that was really rotated in is found at once."""


class _JwkSet(BaseModel):
    keys: list[dict[str, Any]] = Field(min_length=1, max_length=100)


class ProviderKeys:
    """The keys behind a jwks_uri that fit the one algorithm we accept."""

    def __init__(self, fetch: Callable[[], Awaitable[JsonValue]], algorithm: str) -> None:
        self._fetch = fetch
        self._algorithm = algorithm
        self._keys: list[tuple[str | None, Key]] = []
        self._fetched: datetime | None = None
        self._in_vain: datetime | None = None
        self._lock = asyncio.Lock()

    async def find(self, kid: str | None, now: datetime) -> Key:
        """Return the key an id_token names; where it names none, the only one there is (OIDC Core §10.1).

        Raises LoginFailed when there is none, or VNeID cannot be asked.
        """
        async with self._lock:
            if self._is_old(now) or (self._matching(kid) is None and self._may_look_again(now)):
                self._keys, self._fetched = _read(await self._fetch(), self._algorithm), now
                self._in_vain = now if self._matching(kid) is None else None
        key = self._matching(kid)
        if key is None:
            raise invalid()
        return key

    def _matching(self, kid: str | None) -> Key | None:
        found = [key for name, key in self._keys if kid is None or name == kid]
        return found[0] if len(found) == 1 else None

    def _is_old(self, now: datetime) -> bool:
        return self._fetched is None or now - self._fetched >= LIFETIME

    def _may_look_again(self, now: datetime) -> bool:
        return self._in_vain is None or now - self._in_vain >= AFTER_A_VAIN_LOOK


def _read(document: JsonValue, algorithm: str) -> list[tuple[str | None, Key]]:
    try:
        listed = _JwkSet.model_validate(document).keys
    except ValidationError:
        raise invalid() from None
    return [(jwk.get("kid"), key) for jwk in listed if (key := _key(jwk, algorithm)) is not None]


def _key(jwk: dict[str, Any], algorithm: str) -> Key | None:
    """Return a public key for this algorithm, or None for what is not one; odd keys beside ours do no harm."""
    if jwk.get("use", "sig") != "sig" or jwk.get("alg", algorithm) != algorithm:
        return None
    try:
        if algorithm == "ES256" and jwk.get("kty") == "EC" and jwk.get("crv") == "P-256":
            return ECKey.import_key({name: str(jwk.get(name)) for name in ("kty", "crv", "x", "y")})
        if algorithm != "ES256" and jwk.get("kty") == "RSA":
            key = RSAKey.import_key({name: str(jwk.get(name)) for name in ("kty", "n", "e")})
            return key if key.public_key.key_size >= 2048 else None
    except (JoseError, ValueError):
        return None
    return None
