"""The public keys of calling systems: which are fit to be registered, and which may have signed an assertion."""

from collections.abc import Mapping
from typing import Any

from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

ALGORITHMS = {"ES256", "EdDSA", "PS256"}  # FAPI 2.0 Security Profile §5.4.1


class UnfitKey(ValueError):
    """A key is private, weak, or of a kind we do not use."""


def check_fit(jwks: Mapping[str, Any]) -> None:
    """Raise UnfitKey, or JoseError, unless all are public keys for one of our algorithms, and there is one."""
    keys = _keys(jwks)
    if not keys:
        raise UnfitKey("there is no key")
    for key in keys:
        if key.is_private or algorithm_of(key) is None:
            raise UnfitKey("a key is not a public EC P-256, Ed25519 or RSA (2048 bits and more) key")


def candidates(jwks: Mapping[str, Any], *, algorithm: str, kid: str | None) -> list[Key]:
    """Return the registered keys that may have signed with this algorithm: the one named, or all where none is."""
    return [key for key in _keys(jwks) if algorithm_of(key) == algorithm and kid in (None, key.kid)]


def algorithm_of(key: Key) -> str | None:
    """Return the one algorithm a key is used with, whatever somebody else says."""
    match key:
        case ECKey() if key.curve_name == "P-256":
            return "ES256"
        case OKPKey() if key.curve_name == "Ed25519":
            return "EdDSA"
        case RSAKey() if key.public_key.key_size >= 2048:  # RFC 7518 §3.5
            return "PS256"
        case _:
            return None


def _keys(jwks: Mapping[str, Any]) -> list[Key]:
    return list(KeySet.import_key_set({"keys": list(jwks["keys"])}).keys)
