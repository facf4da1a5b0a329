"""Keeps the issuer's public keys (JWKS) at hand: seldom fetched, never forgotten because a fetch failed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import Key, RSAKey
from pydantic import BaseModel, Field

from shared import log, spans
from shared.errors import Unavailable

MAX_AGE = timedelta(minutes=10)
RETRY_AFTER = timedelta(seconds=30)


class IssuerKeysUnavailable(Unavailable):
    """No key of the issuer has ever been fetched, so no token can be verified."""

    code = "issuer_keys_unavailable"


class IssuerKeys:
    """The key set behind one JWKS address, fetched by `fetch` (a coroutine that returns the JSON document).

    A set older than 10 minutes, or one without the key asked for, is fetched anew, but at most once in 30 s, so that
    a flood of invented key names is no flood of fetches. A failed fetch keeps the old set.
    """

    def __init__(self, fetch: Callable[[], Awaitable[object]]) -> None:
        self._fetch = fetch
        self._keys: dict[str, Key] = {}
        self._fetched: datetime | None = None
        self._tried: datetime | None = None
        self._lock = asyncio.Lock()

    async def find(self, kid: str, now: datetime) -> Key | None:
        """Return the key named `kid`, or None; raises IssuerKeysUnavailable while there are no keys at all."""
        if self._is_due(kid, now) or self._fetched is None:  # until there is one, all wait for the fetch under way
            async with self._lock:
                if self._is_due(kid, now):  # another request may have fetched while we waited
                    await self._refresh(now)
        if self._fetched is None:
            raise IssuerKeysUnavailable(retry_at=now + RETRY_AFTER)
        return self._keys.get(kid)

    def _is_due(self, kid: str, now: datetime) -> bool:
        # Until the first success every second is a chance: services may start in any order.
        pause = RETRY_AFTER if self._fetched else timedelta(seconds=1)
        if self._tried is not None and timedelta() <= now - self._tried < pause:
            return False
        return self._fetched is None or kid not in self._keys or now - self._fetched >= MAX_AGE

    async def _refresh(self, now: datetime) -> None:
        self._tried = now
        try:
            self._keys = read_jwks(await self._fetch())
            self._fetched = now
        except (httpx2.HTTPError, ValueError) as error:
            log.warning("issuer_keys_not_fetched", reason=type(error).__name__)


def read_jwks(document: object) -> dict[str, Key]:
    """Take the PS256 signing keys out of a JWK Set (RFC 7517 §5); keys of other kinds are skipped.

    Raises ValueError when the document is no JWK Set or has no key for us.
    """
    listed = _JwkSet.model_validate(document).keys
    keys = {jwk["kid"]: key for jwk in listed if isinstance(jwk.get("kid"), str) and (key := _signing_key(jwk))}
    if not keys:
        raise ValueError("no PS256 key")
    return keys


class _JwkSet(BaseModel):
    keys: list[dict[str, Any]] = Field(max_length=100)


def _signing_key(jwk: dict[str, Any]) -> Key | None:
    if jwk.get("kty") != "RSA" or jwk.get("alg", "PS256") != "PS256" or jwk.get("use", "sig") != "sig":
        return None
    try:
        key = RSAKey.import_key({"kty": "RSA", "n": str(jwk.get("n")), "e": str(jwk.get("e"))})
        return key if key.public_key.key_size >= 2048 else None
    except (JoseError, ValueError):
        return None


def fetch_from(client: httpx2.AsyncClient, url: str) -> Callable[[], Awaitable[object]]:
    """Make the fetch of one JWKS address; raises httpx2.HTTPError, or ValueError for what is no JSON."""

    async def fetch() -> object:
        with spans.calling("identity", "GET") as call:
            answer = await client.get(url)
            call.answered(answer.status_code)
        answer.raise_for_status()
        return answer.json()

    return fetch
