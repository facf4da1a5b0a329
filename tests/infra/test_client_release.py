"""A city system uses a release only when it is signed by the gateway, for itself, for this dossier."""

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from infra.client.narration import readable, shortened
from infra.client.releases import NotTrusted, verify_release

ISSUER = "http://localhost:8080/reuse"
KEY = ECKey.generate_key("P-256", auto_kid=True)
CLAIMS = {"iss": ISSUER, "aud": "justice-system", "dossier_uid": "d-1", "jti": "r-1"}


def sign(key: ECKey = KEY, changes: dict[str, str] | None = None) -> str:
    return jwt.encode({"alg": "ES256", "kid": KEY.kid}, CLAIMS | (changes or {}), key)


def verify(compact: str) -> object:
    keys = KeySet([ECKey.import_key(KEY.as_dict(private=False))])
    return verify_release(compact, keys, issuer=ISSUER, audience="justice-system", dossier_uid="d-1").claims


def test_a_release_for_us_is_taken() -> None:
    assert verify(sign()) == CLAIMS


@pytest.mark.parametrize("changes", [{"iss": "http://evil"}, {"aud": "business-system"}, {"dossier_uid": "d-2"}])
def test_a_release_for_somebody_else_is_not(changes: dict[str, str]) -> None:
    with pytest.raises(NotTrusted):
        verify(sign(changes=changes))


@pytest.mark.parametrize("compact", [sign(ECKey.generate_key("P-256")), "", "a.b.c", sign()[:-4] + "AAAA"])
def test_a_release_that_does_not_verify_is_not(compact: str) -> None:
    with pytest.raises(NotTrusted):
        verify(compact)


def test_tokens_and_signatures_are_printed_shortened_and_sentences_whole() -> None:
    token = "t" * 500
    assert token not in shortened(token)
    assert readable(b'{"a": ["' + token.encode() + b'"]}', "application/json") == {"a": [shortened(token)]}
    sentence = "Một câu dài hơn sáu mươi ký tự thì vẫn phải được in ra nguyên vẹn để người ta đọc."
    assert readable(f'"{sentence}"'.encode(), "application/problem+json") == sentence
