"""A signature counts only by the service it names, with a key we hold of it, over exactly these bytes."""

import json
import subprocess
import sys
from pathlib import Path

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.keys import Forged, ServiceKey, SigningKey, Trust, jwks, read_public_keys, sign_jws


def service_key() -> ServiceKey:
    return ServiceKey(ed25519.Ed25519PrivateKey.generate())


def test_what_a_service_signed_is_believed_with_any_of_its_keys() -> None:
    old, new = service_key(), service_key()
    trust = Trust({"consent": jwks([old, new])})
    for key in (old, new):
        trust.verify("consent", key.kid, b"event", key.sign(b"event"))


def test_what_another_service_signed_or_other_bytes_are_forged() -> None:
    consent, reuse = service_key(), service_key()
    trust = Trust({"consent": jwks([consent]), "reuse": jwks([reuse])})
    for service, kid, message, signature in (
        ("consent", consent.kid, b"other", consent.sign(b"event")),
        ("consent", consent.kid, b"event", reuse.sign(b"event")),
        ("consent", reuse.kid, b"event", reuse.sign(b"event")),
        ("nobody", consent.kid, b"event", consent.sign(b"event")),
        ("consent", "", b"event", b""),
    ):
        with pytest.raises(Forged):
            trust.verify(service, kid, message, signature)


def test_the_next_key_and_former_ones_are_published_beside_the_one_that_signs(tmp_path: Path) -> None:
    now, former = service_key(), service_key()
    files = [tmp_path / f"{key.kid}.pem" for key in (now, former)]
    for key, file in zip((now, former), files, strict=True):
        file.write_bytes(key.jwk.as_pem(private=True))
    printed = subprocess.run([sys.executable, "-m", "shared.keys", *files], text=True, capture_output=True, check=True)
    (tmp_path / "keys.json").write_text(printed.stdout, "utf-8")
    assert jwks([now], read_public_keys(tmp_path / "keys.json")) == jwks([now, former])
    assert read_public_keys(None) == ()


def test_a_private_key_is_never_published(tmp_path: Path) -> None:
    key = service_key()
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.public_jwk() | key.jwk.as_dict(private=True)]}))
    with pytest.raises(ValueError, match="public"):
        read_public_keys(tmp_path / "keys.json")


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (rsa.generate_private_key(65537, 2048), "PS256"),
    ],
)
def test_a_jws_of_ours_is_accepted_by_a_verifier_nobody_here_wrote(
    private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str
) -> None:
    key = SigningKey(private)
    token = sign_jws(key, "receipt+jwt", {"a": 1})
    published = pyjwt.PyJWKSet.from_dict(jwks([key]))[key.kid]
    read = pyjwt.decode_complete(token, published.key, algorithms=[algorithm])
    assert read["payload"] == {"a": 1}
    assert read["header"] == {"alg": algorithm, "kid": key.kid, "typ": "receipt+jwt"}


def test_a_published_key_has_no_private_member() -> None:
    for private in (
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 2048),
    ):
        assert not {"d", "p", "q", "dp", "dq", "qi"} & SigningKey(private).public_jwk().keys()


def test_weak_or_unexpected_keys_are_refused(tmp_path: Path) -> None:
    for private in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 1024)):  # noqa: S505 - to be refused
        with pytest.raises(ValueError, match="P-256"):
            SigningKey(private)
    path = tmp_path / "key.pem"
    path.write_bytes(_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ValueError, match="Ed25519"):
        ServiceKey.load(path)
    with pytest.raises(ValueError, match="Ed25519"):
        Trust({"consent": jwks([SigningKey.load(path)])})


def test_a_key_keeps_its_name_when_it_is_read_again(tmp_path: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    path = tmp_path / "key.pem"
    path.write_bytes(_pem(private))
    assert ServiceKey.load(path).kid == ServiceKey(private).kid


def _pem(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
