"""The two kinds of key of a city system: its own, which proves who it is, and one per token, which binds that token."""

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey

_ASSERTION_SECONDS = 60


@dataclass(frozen=True)
class ClientKey:
    """A city system's private key (EC P-256); its public half is registered at the gateway."""

    client_id: str
    key: ECKey

    @classmethod
    def load(cls, client_id: str, path: Path) -> "ClientKey":
        """Read a PEM file."""
        return cls(client_id, ECKey.import_key(path.read_bytes()))

    def assertion(self, audience: str) -> str:
        """Return a client assertion (RFC 7523): good once, for one minute, at one authorization server."""
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": "ES256", "kid": self.key.thumbprint()}, claims, self.key, algorithms=["ES256"])


@dataclass(frozen=True)
class DpopKey:
    """A key made for one token; a token bound to it is worthless to whoever steals the token alone (RFC 9449)."""

    key: ECKey

    @classmethod
    def new(cls) -> "DpopKey":
        """Make one."""
        return cls(ECKey.generate_key("P-256"))

    def proof(self, method: str, url: str, access_token: str | None = None) -> str:
        """Return a proof for one request; `url` without query. With a token it names that token's hash (4.2)."""
        public = self.key.as_dict(private=False)
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": {name: public[name] for name in ("kty", "crv", "x", "y")}}
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": int(time.time())}
        if access_token is not None:
            claims["ath"] = base64url(hashlib.sha256(access_token.encode()).digest())
        return jwt.encode(header, claims, self.key, algorithms=["ES256"])


def base64url(raw: bytes) -> str:
    """Encode without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
