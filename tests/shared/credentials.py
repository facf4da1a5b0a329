"""What the outside brings to a service: an issuer's tokens, a city system's proofs, settings with real files."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey, Key
from pydantic_settings import SettingsConfigDict

from shared import dpop
from shared.keys import ServiceKey, SigningKey, jwks
from shared.settings import ServiceSettings

NOW = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
ORIGIN = "http://localhost:8080"
AUDIENCE = f"{ORIGIN}/consent"


class ConsentSettings(ServiceSettings):
    """Settings of a service called consent, with nothing of its own."""

    model_config = SettingsConfigDict(env_prefix="CONSENT_")


def make_settings(folder: Path, *services: str, **changes: Any) -> ConsentSettings:
    """Make consent's settings with key files that exist; see `make_values`."""
    return ConsentSettings(**make_values(folder, "consent", *services) | changes)


def make_values(folder: Path, service: str, *services: str) -> dict[str, Any]:
    """Make values of settings: the service's own key, and in the trust its and the other services' public keys."""
    keys = {name: write_service_key(folder / f"{name}.pem") for name in {service, *services}}
    trust = folder / "trust.json"
    trust.write_text(json.dumps({name: jwks([key]) for name, key in keys.items()}))
    return {
        "database_url": "postgresql://localhost/consent",
        "kafka_bootstrap": "localhost:9092",
        "public_origin": ORIGIN,
        "listen_port": 8102,
        "service_key_file": folder / f"{service}.pem",
        "trust_file": trust,
        "identity_url": "http://127.0.0.1:8101",
        "consent_url": "http://127.0.0.1:8102",
        "reuse_url": "http://127.0.0.1:8103",
        "audit_url": "http://127.0.0.1:8104",
    }


def write_service_key(path: Path) -> ServiceKey:
    """Make an Ed25519 key and its PEM file, or read the one that is there."""
    if not path.exists():
        private = Ed25519PrivateKey.generate()
        path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ServiceKey.load(path)


def sign(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, key: Key, *, alg: str = "") -> str:
    """Make a compact JWS by hand, so that it may be as hostile as no library would make it."""
    signed = f"{encode(header)}.{encode(claims)}"
    algorithm = jws.JWSRegistry.algorithms[alg or str(json.loads(encoded_json(header))["alg"])]
    return f"{signed}.{encode(algorithm.sign(signed.encode(), key))}"


def encode(part: Mapping[str, Any] | bytes) -> str:
    """Write one segment of a JWS."""
    return base64.urlsafe_b64encode(encoded_json(part)).rstrip(b"=").decode()


def encoded_json(part: Mapping[str, Any] | bytes) -> bytes:
    """Pass bytes, write JSON for the rest."""
    return part if isinstance(part, bytes) else json.dumps(part).encode()


@dataclass
class Holder:
    """A city system's own key, and the proofs it makes with it (DPoP)."""

    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))

    @property
    def jkt(self) -> str:
        """The thumbprint a token is bound to."""
        return self.key.thumbprint()

    def prove(
        self,
        token: str | None = None,
        *,
        at: datetime = NOW,
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """Make a proof for `GET …/consent/grants`; a change to None leaves the claim out."""
        claims = {
            "jti": uuid4().hex,
            "htm": "GET",
            "htu": f"{ORIGIN}/consent/grants",
            "iat": int(at.timestamp()),
            "ath": dpop.ath(token) if token else None,
        } | changes
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)} | dict(header or {})
        return sign(head, {name: value for name, value in claims.items() if value is not None}, self.key)


_RSA = generate_rsa_key(65537, 2048)  # slow to make, so once for all tests


@dataclass
class Issuer:
    """Plays identity: signs access tokens as RFC 9068 and the contract say."""

    signing: SigningKey = field(default_factory=lambda: SigningKey(_RSA))

    def jwks(self) -> dict[str, Any]:
        """What /identity/jwks would answer."""
        return jwks([self.signing])

    def issue(
        self, holder: Holder, *, at: datetime = NOW, header: Mapping[str, Any] | None = None, **changes: Any
    ) -> str:
        """Issue a token as an officer of Hồng An ward would get it; a change to None leaves the claim out."""
        head = {"typ": "at+jwt", "alg": "PS256", "kid": self.signing.kid} | dict(header or {})
        claims = make_claims(holder, at) | changes
        return sign(head, {name: value for name, value in claims.items() if value is not None}, self.signing.jwk)


def make_claims(holder: Holder, at: datetime = NOW) -> dict[str, Any]:
    """Make the claims of an officer's token."""
    issued = int(at.timestamp())
    return {
        "iss": f"{ORIGIN}/identity",
        "sub": "justice-system",
        "aud": AUDIENCE,
        "client_id": "justice-system",
        "iat": issued,
        "exp": issued + 300,
        "jti": uuid4().hex,
        "cnf": {"jkt": holder.jkt},
        "agency": {"uid": "ag-000101", "name": "Ủy ban nhân dân phường Hồng An", "sector": "justice"},
        "mandate": {
            "id": "m-000101",
            "kind": "procedure",
            "procedures": ["1.001193"],
            "until": (at + timedelta(days=90)).isoformat(),
        },
        "actor": {"kind": "officer", "ref": "off-7", "position": "Công chức tư pháp - hộ tịch"},
    }
