"""A service's signed statement has one spelling, one type and one signer."""

import json

import joserfc.jws
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared import jws
from shared.keys import ServiceKey, SigningKey, Trust, jwks, sign_jws
from tests.shared.credentials import encode, sign

KEY = ServiceKey(Ed25519PrivateKey.generate())
OTHER = ServiceKey(Ed25519PrivateKey.generate())
TRUST = Trust({"consent": jwks([KEY]), "reuse": jwks([OTHER])})
CLAIMS = {"iss": "consent", "t": "2026-03-02T03:04:05.000000Z"}
TYP = "grant-states+jwt"


def opened(compact: str, *, service: str = "consent") -> jws.Claims:
    return jws.verify_by_service(compact, typ=TYP, service=service, trust=TRUST)


def test_a_services_statement_opens() -> None:
    assert opened(sign_jws(KEY, TYP, CLAIMS)) == CLAIMS


def test_a_statement_by_another_service_or_of_another_type_does_not() -> None:
    for compact in (sign_jws(OTHER, TYP, CLAIMS), sign_jws(KEY, "service+jwt", CLAIMS)):
        with pytest.raises(jws.BadJws):
            opened(compact)
    with pytest.raises(jws.BadJws):
        opened(sign_jws(KEY, TYP, CLAIMS), service="reuse")


def test_a_statement_with_one_claim_changed_does_not() -> None:
    head, _, signature = sign_jws(KEY, TYP, CLAIMS).split(".")
    with pytest.raises(jws.BadJws):
        opened(f"{head}.{encode({**CLAIMS, 't': '2026-03-02T03:04:06.000000Z'})}.{signature}")


def test_another_spelling_of_the_same_statement_does_not() -> None:
    compact = sign_jws(KEY, TYP, CLAIMS)
    # 64 bytes leave four unused bits in the last character: others decode to the same signature.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = compact[:-1] + alphabet[alphabet.index(compact[-1]) + 1]
    for spelling in (twin, compact + "==", compact + "\n", compact.replace(".", ".\n", 1)):
        with pytest.raises(jws.BadJws):
            opened(spelling)


@pytest.mark.parametrize("kid", [None, 7, "unknown"])
def test_a_statement_names_a_known_key(kid: object) -> None:
    key = OKPKey.generate_key("Ed25519")
    with pytest.raises(jws.BadJws):
        opened(sign({"alg": "EdDSA", "typ": TYP, "kid": kid}, CLAIMS, key))


@pytest.mark.parametrize("algorithm", [[], {}, ["EdDSA"], None])
def test_a_statement_whose_algorithm_is_no_text_is_refused_like_any_other(algorithm: object) -> None:
    compact = f"{encode({'alg': algorithm, 'typ': TYP, 'kid': 'k'})}.{encode(CLAIMS)}.AAAA"
    with pytest.raises(jws.BadJws):
        opened(compact)


_PRIVATE = (generate_rsa_key(65537, 2048), generate_ec_key(SECP256R1()), Ed25519PrivateKey.generate())
KEYS = {key.algorithm: key for key in map(SigningKey, _PRIVATE)}
SIGNED = {name: sign_jws(key, TYP, CLAIMS) for name, key in KEYS.items()}
_text = st.text(st.characters(codec="utf-8"))
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=10,
)
_claims = st.dictionaries(_text, _values, max_size=6)


def ours(compact: str, algorithm: str) -> jws.Claims | None:
    """Read a JWS the way this module does; None where it refuses."""
    try:
        read = jws.parse(compact, typ=TYP, algorithms={algorithm}, header={"alg", "kid", "typ"})
        return jws.verify(read, KEYS[algorithm].jwk)
    except jws.BadJws:
        return None


def theirs(compact: str, algorithm: str) -> jws.Claims | None:
    """Read a JWS the way the library does, header and all; None where it refuses."""
    registry = joserfc.jws.JWSRegistry(algorithms=[algorithm], strict_check_header=True)
    try:
        read = joserfc.jws.deserialize_compact(compact, KEYS[algorithm].jwk, [algorithm], registry)
        return json.loads(read.payload)
    except (JoseError, ValueError, TypeError):
        return None


@pytest.mark.parametrize("algorithm", KEYS)
@given(claims=_claims)
@settings(max_examples=25, deadline=None)
def test_what_is_signed_here_is_read_alike_by_the_library(algorithm: str, claims: dict[str, object]) -> None:
    compact = sign_jws(KEYS[algorithm], TYP, claims)
    assert ours(compact, algorithm) == theirs(compact, algorithm) == claims


@pytest.mark.parametrize("algorithm", KEYS)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_what_was_changed_is_refused_here_as_by_the_library(algorithm: str, data: st.DataObject) -> None:
    compact = SIGNED[algorithm]
    at = data.draw(st.integers(0, len(compact) - 1))
    changed = compact[:at] + data.draw(st.text(st.characters(codec="ascii"), max_size=2)) + compact[at + 1 :]
    if changed != compact:
        assert ours(changed, algorithm) is None
        assert theirs(changed, algorithm) is None or _is_another_spelling(changed, compact)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_key_of_another_kind_or_another_party_verifies_nothing(data: st.DataObject) -> None:
    signer, other = data.draw(st.permutations(list(KEYS)))[:2]
    read = jws.parse(SIGNED[signer], typ=TYP, algorithms={signer}, header={"alg", "kid", "typ"})
    with pytest.raises(jws.BadJws):
        jws.verify(read, KEYS[other].jwk)


def _is_another_spelling(changed: str, compact: str) -> bool:
    """Say whether the library took other characters for the same signature: there it is laxer than we are."""
    return changed.rpartition(".")[0] == compact.rpartition(".")[0]
