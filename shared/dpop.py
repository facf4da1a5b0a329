"""Verifies proofs that the caller holds its key (DPoP, RFC 9449)."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import JsonValue

from shared import jws, replay
from shared.db import Tx
from shared.errors import Unauthenticated

REPLAY_KIND = "dpop"
FUTURE = timedelta(seconds=10)
PAST = timedelta(seconds=60)
# Kept a minute longer than any replica's clock would still accept the proof.
_REMEMBER = PAST + timedelta(seconds=60)
_REQUIRED = {"kty", "crv", "x", "y"}


class InvalidDpopProof(Unauthenticated):
    """The proof is missing, doubled, old, used, for another request or by another key (RFC 9449 §7.1)."""

    code = "invalid_dpop_proof"


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof, not yet used up: whoever acts on it consumes `key` in the replay table, once."""

    jkt: str
    jti: str
    expires: datetime

    @property
    def key(self) -> str:
        """Name the proof in the replay table, under kind `REPLAY_KIND`, until `expires`."""
        return f"{self.jkt}.{self.jti}"


def verify(headers: Sequence[str], *, method: str, url: str, now: datetime, access_token: str | None = None) -> Proof:
    """Verify the one `DPoP` header of a request (RFC 9449 §4.3); `url` is our public address without a query.

    With an access token its hash must be in the proof. Single use is left to the caller: see `consume`.
    Raises InvalidDpopProof.
    """
    if len(headers) != 1:
        raise InvalidDpopProof
    try:
        read = jws.parse(headers[0], typ="dpop+jwt", algorithms={"ES256"}, header={"alg", "typ", "jwk"})
        prover = _prover(read.header["jwk"])
        claims = jws.verify(read, prover.key)
        issued = jws.instant(claims, "iat")
        jti = _jti(claims)
    except (jws.BadJws, JoseError, ValueError):
        raise InvalidDpopProof from None
    if claims.get("htm") != method or claims.get("htu") != url or not now - PAST <= issued <= now + FUTURE:
        raise InvalidDpopProof
    if access_token is not None and not _names(claims, access_token):
        raise InvalidDpopProof
    return Proof(prover.jkt, jti, issued + _REMEMBER)


async def consume(tx: Tx, proof: Proof) -> None:
    """Use the proof up (RFC 9449 §11.1); raises InvalidDpopProof for all but the first."""
    try:
        await replay.use_once(tx, REPLAY_KIND, proof.key, proof.expires)
    except replay.Replayed:
        raise InvalidDpopProof from None


def ath(access_token: str) -> str:
    """Hash an access token as a proof names it (RFC 9449 §4.2)."""
    return urlsafe_b64encode(sha256(access_token.encode()).digest()).rstrip(b"=").decode()


def _names(claims: jws.Claims, access_token: str) -> bool:
    return hmac.compare_digest(str(claims.get("ath")).encode(), ath(access_token).encode())


def _jti(claims: jws.Claims) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= 200 or not jti.isprintable():
        raise jws.BadJws
    return jti


@dataclass(frozen=True, slots=True)
class _Prover:
    key: ECKey
    jkt: str


def _prover(jwk: JsonValue) -> _Prover:
    # A private `d` in a header is a leaked key: refused, not overlooked (RFC 9449 §4.3, check 7).
    if not isinstance(jwk, dict) or not _REQUIRED <= jwk.keys() <= _REQUIRED | {"alg", "use", "kid"}:
        raise jws.BadJws
    if jwk["kty"] != "EC" or jwk["crv"] != "P-256":
        raise jws.BadJws
    return _import(str(jwk["x"]), str(jwk["y"]))


@lru_cache(maxsize=64)
def _import(x: str, y: str) -> _Prover:
    """Make a key of its point: a client proves with one key for months."""
    key = ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    return _Prover(key, key.thumbprint())
