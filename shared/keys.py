"""Keys that sign: what a service signs events with, what it signs documents (JWS) with, and whom it believes.

`python -m shared.keys A.pem B.pem` prints the public halves of private keys, as `read_public_keys` reads them.
"""

import json
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

# RFC 9864 gives Ed25519 a name of its own. We keep `EdDSA` (RFC 8037), which every verifier knows; it is the same
# signature, so joserfc need not warn each time.
JWSRegistry.algorithms["EdDSA"].security_warning = None

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey


class Forged(Exception):
    """A signature is not by whom it claims: unknown service, unknown key, or wrong bytes."""


class SigningKey:
    """A private key and the one JWS algorithm it is used with: ES256, EdDSA or PS256."""

    def __init__(self, private: PrivateKey) -> None:
        self.algorithm, self.jwk = _jose(private)
        self.kid = self.jwk.thumbprint()  # RFC 7638, so that the name follows from the key

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """Read an unencrypted PEM file. Raises ValueError for other kinds of key, OSError when unreadable."""
        return cls(_read(path))

    def public_jwk(self) -> dict[str, Any]:
        """Return the public half as the world may see it (RFC 7517)."""
        public = self.jwk.as_dict(private=False)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


class ServiceKey(SigningKey):
    """A service's own Ed25519 key: signs its events, and its assertions towards other services.

    The two cannot be confused: an event's bytes start with `{`, a JWS signing input with base64url text.
    """

    def __init__(self, private: PrivateKey) -> None:
        super().__init__(private)
        if not isinstance(private, Ed25519PrivateKey):
            raise ValueError("a service key is an Ed25519 key")
        self._private = private

    @classmethod
    def load(cls, path: Path) -> "ServiceKey":
        """Read an unencrypted PEM file. Raises ValueError for other kinds of key, OSError when unreadable."""
        return cls(_read(path))

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature (RFC 8032)."""
        return self._private.sign(message)


class Trust:
    """The public keys of every service; each may have several at a time, so that they rotate."""

    def __init__(self, jwks: Mapping[str, Mapping[str, Any]]) -> None:
        self._sets = {service: KeySet.import_key_set(dict(keys)) for service, keys in jwks.items()}  # pyright: ignore[reportArgumentType] - joserfc checks the shape itself
        self._keys = {
            service: {key.thumbprint(): _ed25519(key) for key in keys.keys} for service, keys in self._sets.items()
        }

    @classmethod
    def load(cls, path: Path) -> "Trust":
        """Read a JSON file {service: JWKS}. Raises ValueError when a key is not Ed25519."""
        return cls(json.loads(path.read_text("utf-8")))

    def verify(self, service: str, kid: str, message: bytes, signature: bytes) -> None:
        """Return only if `service` signed exactly these bytes with the key it names; else raise Forged."""
        key = self._keys.get(service, {}).get(kid)
        if key is None:
            raise Forged(f"no key {kid!r} of {service}")
        try:
            key.verify(signature, message)
        except InvalidSignature:
            raise Forged(f"not signed by {service}") from None

    def key_set(self, service: str) -> KeySet:
        """Return a service's keys for verifying its JWS. Raises Forged for a service we do not know."""
        if service not in self._sets:
            raise Forged(f"no keys of {service}")
        return self._sets[service]


def sign_jws(key: SigningKey, typ: str, claims: Mapping[str, Any]) -> str:
    """Return a compact JWS (RFC 7515) of the claims; `typ` says what it is, so that none passes for another."""
    signed = f"{_segment({'alg': key.algorithm, 'kid': key.kid, 'typ': typ})}.{_segment(claims)}"
    signature = JWSRegistry.algorithms[key.algorithm].sign(signed.encode(), key.jwk)
    return f"{signed}.{_base64url(signature)}"


def _segment(part: Mapping[str, Any]) -> str:
    return _base64url(orjson.dumps(dict(part)))


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


PublicJwk = Mapping[str, Any]


def jwks(keys: Iterable[SigningKey], others: Iterable[PublicJwk] = ()) -> dict[str, Any]:
    """Return the JWK Set (RFC 7517 section 5) to publish for these keys, with `others` beside them."""
    ours = {key.kid: key.public_jwk() for key in keys}
    return {"keys": [*ours.values(), *(each for each in others if each["kid"] not in ours)]}


def read_public_keys(path: Path | None) -> tuple[PublicJwk, ...]:
    """Read the keys of a JWK Set that are to be published beside the one that signs; none without a file.

    Raises ValueError for a key that says more than its public half, or is not as `SigningKey.public_jwk` tells it.
    """
    if path is None:
        return ()
    return tuple(_public(each) for each in KeySet.import_key_set(json.loads(path.read_text("utf-8"))).keys)


def _public(key: object) -> PublicJwk:
    if not isinstance(key, ECKey | OKPKey | RSAKey) or key.is_private or not key.alg:
        raise ValueError("a published key is a public one, and names its algorithm")
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}


def _read(path: Path) -> PrivateKey:
    private = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey):
        raise ValueError(f"{path.name}: not an EC, Ed25519 or RSA key")
    return private


def _jose(private: PrivateKey) -> tuple[str, ECKey | OKPKey | RSAKey]:
    match private:
        case Ed25519PrivateKey():
            return "EdDSA", OKPKey(private, private)
        case RSAPrivateKey() if private.key_size >= 2048:  # RFC 7518 section 3.5
            return "PS256", RSAKey(private, private)
        case EllipticCurvePrivateKey(curve=SECP256R1()):
            return "ES256", ECKey(private, private)
        case _:
            raise ValueError("an EC key is on P-256, an RSA key has 2048 bits or more")


def _ed25519(key: object) -> Ed25519PublicKey:
    public = key.public_key if isinstance(key, OKPKey) else None
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("a trusted key is an Ed25519 key")
    return public


if __name__ == "__main__":
    sys.stdout.write(json.dumps(jwks(SigningKey.load(Path(each)) for each in sys.argv[1:]), indent=1) + "\n")
