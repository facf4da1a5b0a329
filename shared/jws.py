"""Reads compact JWS (RFC 7515) and leaves nothing to the sender: one type, fixed algorithms, exactly our header.

Refuses here, before any key is looked at: other `typ` and `alg` (none, HS256 with a public key), `jku`, `x5u`, `crit`,
`b64`, `jwk` where none belongs, duplicate members, non-canonical base64url, deep nesting and oversize.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from pydantic import JsonValue

from shared.keys import Forged, Trust

MAX_BYTES = 8192

Claims = Mapping[str, JsonValue]


class BadJws(ValueError):
    """It is not what it has to be; deliberately without saying what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A well-formed JWS whose signature nobody has looked at: only for choosing the key to verify it with."""

    header: Claims
    claims: Claims
    compact: str
    signature: bytes

    @property
    def kid(self) -> str:
        """Name the key that is said to have signed it."""
        kid = self.header.get("kid")
        if not isinstance(kid, str):
            raise BadJws
        return kid


def parse(compact: str, *, typ: str, algorithms: Set[str], header: Set[str], largest: int = MAX_BYTES) -> Unverified:
    """Take a JWS apart; `header` names exactly the members its header has, `largest` its bytes. Raises BadJws."""
    if len(compact) > largest:
        raise BadJws
    segments = compact.split(".")
    if len(segments) != 3:
        raise BadJws
    read = Unverified(_header(segments[0]), _object(segments[1]), compact, _decode(segments[2]))
    if read.header.keys() != header or read.header["typ"] != typ or str(read.header["alg"]) not in algorithms:
        raise BadJws
    return read


def verify(unverified: Unverified, key: Key) -> Claims:
    """Return the claims once `key` is shown to have signed them, with the algorithm `parse` allowed. Raises BadJws.

    The signature is the library's; its own reading of the header is spared, since `parse` is stricter. Whatever is
    accepted here, the library accepts as a whole (tests/shared/test_jws.py).
    """
    algorithm = jws.JWSRegistry.algorithms[str(unverified.header["alg"])]
    signed = unverified.compact.rpartition(".")[0].encode()
    try:
        algorithm.check_key(key)
        genuine = algorithm.verify(signed, unverified.signature, key)
    except (JoseError, ValueError, TypeError):
        raise BadJws from None
    if not genuine:
        raise BadJws
    return unverified.claims


def verify_by_service(compact: str, *, typ: str, service: str, trust: Trust, largest: int = MAX_BYTES) -> Claims:
    """Return the claims of a JWS signed with a service's own key (Ed25519). Raises BadJws."""
    read = parse(compact, typ=typ, algorithms={"EdDSA"}, header={"alg", "kid", "typ"}, largest=largest)
    try:
        trust.verify(service, read.kid, compact.rpartition(".")[0].encode(), read.signature)
    except Forged:
        raise BadJws from None
    return read.claims


def instant(claims: Claims, name: str) -> datetime:
    """Read a NumericDate of whole seconds (RFC 7519 §2) in this or the next century. Raises BadJws."""
    value = claims.get(name)
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise BadJws
    return datetime.fromtimestamp(value, UTC)


@lru_cache(maxsize=128)
def _header(segment: str) -> Claims:
    """Read a header, whose bytes are the same on every token under one key, and on every proof by one key."""
    return MappingProxyType(_object(segment))


def _decode(segment: str) -> bytes:
    try:
        raw = urlsafe_b64decode(segment.encode() + b"=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise BadJws from None
    # One spelling only: foreign characters, trailing bits or padding would make two texts of one token.
    if urlsafe_b64encode(raw).rstrip(b"=") != segment.encode():
        raise BadJws
    return raw


def _object(segment: str) -> Claims:
    try:
        value = _STRICT.decode(_decode(segment).decode())
    except (ValueError, RecursionError):
        raise BadJws from None
    if not isinstance(value, dict):
        raise BadJws
    return value  # pyright: ignore[reportUnknownVariableType] - json gives back JSON


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadJws
    return members


def _refuse(constant: str) -> JsonValue:
    raise BadJws(constant)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)
