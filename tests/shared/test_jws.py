"""A service's signed statement has one spelling, one type and one signer."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from shared import jws
from shared.keys import ServiceKey, Trust, jwks, sign_jws
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
