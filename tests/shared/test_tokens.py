"""Access tokens and proofs: what is accepted, and everything of F30-F32 that is not (I8)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, OKPKey

from shared.dpop import InvalidDpopProof
from shared.errors import Unauthenticated
from shared.issuer_keys import IssuerKeys
from shared.tokens import InvalidToken, Presented, TokenVerifier
from tests.shared.credentials import AUDIENCE, NOW, ORIGIN, Holder, Issuer, encode, make_claims, sign

ISSUER = Issuer()
HOLDER = Holder()
URL = f"{ORIGIN}/consent/grants"


def verifier() -> TokenVerifier:
    async def fetch() -> object:
        return ISSUER.jwks()

    return TokenVerifier(issuer=f"{ORIGIN}/identity", audience=AUDIENCE, keys=IssuerKeys(fetch))


async def present(token: str, *proofs: str, scheme: str = "DPoP", url: str = URL, method: str = "GET") -> Presented:
    return await verifier().verify(
        authorization=[f"{scheme} {token}"], proofs=list(proofs), method=method, url=url, now=NOW
    )


async def test_a_token_with_its_proof_becomes_a_caller() -> None:
    token = ISSUER.issue(HOLDER)
    shown = await present(token, HOLDER.prove(token))
    assert shown.caller.client_id == "justice-system"
    assert shown.caller.sub is None
    assert shown.caller.agency.uid == "ag-000101"
    assert shown.caller.mandate.procedures == ("1.001193",)
    assert shown.caller.actor.kind == "officer"
    assert shown.caller.expires_at == NOW + timedelta(seconds=300)
    assert shown.proof.jkt == HOLDER.jkt
    assert shown.proof.expires >= NOW + timedelta(seconds=60)


async def test_a_citizens_token_carries_her_sub_her_dossier_and_what_was_granted() -> None:
    details = [{"type": "reuse_dossier", "attributes": ["person.full_name"]}]
    token = ISSUER.issue(
        HOLDER, sub="pairwise", dossier_uid="d", party_uid="p", actor={"kind": "citizen"}, acr="2",
        auth_time=int(NOW.timestamp()), authorization_details=details,
    )  # fmt: skip
    caller = (await present(token, HOLDER.prove(token))).caller
    assert (caller.sub, caller.dossier_uid, caller.party_uid) == ("pairwise", "d", "p")
    assert caller.attributes == ("person.full_name",)
    assert caller.auth_time == NOW


async def test_only_the_first_party_client_learns_the_surrogate_id_i7() -> None:
    token = ISSUER.issue(HOLDER, sub="pairwise", subject_id="surrogate")
    assert (await present(token, HOLDER.prove(token))).caller.subject_id is None
    own = ISSUER.issue(HOLDER, sub="x", subject_id="surrogate", agency=None, mandate={"kind": "first_party"})
    assert (await present(own, HOLDER.prove(own))).caller.subject_id == "surrogate"


async def test_the_scheme_may_be_written_in_any_case() -> None:
    token = ISSUER.issue(HOLDER)
    assert await present(token, HOLDER.prove(token), scheme="dpop")


async def test_nothing_presented_is_told_apart_from_something_wrong() -> None:
    with pytest.raises(Unauthenticated) as refused:
        await verifier().verify(authorization=[], proofs=[], method="GET", url=URL, now=NOW)
    assert type(refused.value) is Unauthenticated


SECOND = int(NOW.timestamp())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": f"{ORIGIN}/reuse"},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, f"{ORIGIN}/reuse"]},
        {"exp": SECOND},
        {"exp": SECOND + 301},
        {"exp": SECOND - 1, "iat": SECOND - 200},
        {"iat": SECOND + 31, "exp": SECOND + 120},
        {"iat": str(SECOND)},
        {"iat": True},
        {"exp": SECOND + 60.5},
        {"exp": 1e40},
        {"exp": 10**30},
        {"exp": -1},
        {"cnf": {}},
        {"cnf": {"jkt": "short"}},
        {"mandate": {"kind": "everything"}},
        {"actor": {"kind": "god"}},
        {"agency": {"uid": "ag-000101"}},
        {"jti": ""},
        {"jti": "x" * 201},
        *({name: None} for name in make_claims(HOLDER)),
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_or_missing_claim_is_refused(changes: dict[str, Any]) -> None:
    token = ISSUER.issue(HOLDER, **changes)
    with pytest.raises(InvalidToken):
        await present(token, HOLDER.prove(token))


async def test_an_issuer_whose_clock_is_half_a_minute_ahead_is_forgiven() -> None:
    token = ISSUER.issue(HOLDER, iat=SECOND + 30, exp=SECOND + 120)
    assert await present(token, HOLDER.prove(token))


_PUBLIC_PEM = ISSUER.signing.jwk.as_bytes(private=False)
_PUBLIC_DER = ISSUER.signing.jwk.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_PUBLIC_JWK = json.dumps(ISSUER.signing.public_jwk()).encode()


@pytest.mark.parametrize(
    "secret", [_PUBLIC_PEM, b"\xef\xbb\xbf" + _PUBLIC_PEM, _PUBLIC_DER, _PUBLIC_JWK], ids=["pem", "bom", "der", "jwk"]
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
async def test_the_public_key_is_no_shared_secret(secret: bytes) -> None:
    header = {"typ": "at+jwt", "alg": "HS256", "kid": ISSUER.signing.kid}
    token = sign(header, make_claims(HOLDER), OctKey.import_key(base64.urlsafe_b64encode(secret)))
    with pytest.raises(InvalidToken):
        await present(token, HOLDER.prove(token))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "AT+JWT"},
        {"typ": "dpop+jwt"},
        {"alg": "RS256"},
        {"alg": "PS384"},
        {"kid": "another"},
        {"kid": "../../etc/passwd"},
        {"kid": "' OR 1=1 --"},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "RSA"}},
        {"x5c": ["AAAA"]},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
    ids=str,
)
async def test_a_token_with_any_other_header_is_refused(header: dict[str, Any]) -> None:
    token = ISSUER.issue(HOLDER, header=header)
    with pytest.raises(InvalidToken):
        await present(token, HOLDER.prove(token))


def _resigned(header: bytes | dict[str, Any], payload: bytes | dict[str, Any]) -> str:
    return sign(header, payload, ISSUER.signing.jwk, alg="PS256")


_HEAD = {"typ": "at+jwt", "alg": "PS256", "kid": ISSUER.signing.kid}
_CLAIMS = json.dumps(make_claims(HOLDER)).encode()


@pytest.mark.parametrize(
    "token",
    [
        f"{encode({**_HEAD, 'alg': 'none'})}.{encode(_CLAIMS)}.",
        _resigned({**_HEAD, "crit": ["exp"], "exp": SECOND}, _CLAIMS),
        _resigned({**_HEAD, "crit": ["b64"], "b64": False}, _CLAIMS),
        _resigned(json.dumps(_HEAD)[:-1].encode() + b',"alg":"PS256"}', _CLAIMS),
        _resigned(_HEAD, _CLAIMS[:-1] + b',"aud":"' + AUDIENCE.encode() + b'"}'),
        _resigned(_HEAD, b'{"a":' * 900 + b"1" + b"}" * 900),
        _resigned(_HEAD, b"[" * 2500 + b"]" * 2500),
        _resigned(_HEAD, _CLAIMS[:-1] + b',"other":NaN}'),
        _resigned(_HEAD, b"\xff\xfe"),
        _resigned(_HEAD, b'"text"'),
        _resigned(_HEAD, b"{}"),
        _resigned(_HEAD, b'{"exp":' + b"9" * 5000 + b"}"),
        _resigned(_HEAD, {**make_claims(HOLDER), "padding": "x" * 9000}),
        "x" * 1_000_000,
        "",
        "..",
        "a.b",
        "a.b.c.d.e",
        "\ud800.a.b",
        "é.é.é",
    ],
    ids=lambda token: token[:12] or "empty",
)  # fmt: skip
async def test_hostile_tokens_are_all_refused_alike(token: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        await present(token, HOLDER.prove("x"))
    assert refused.value.detail == ""


async def test_the_signing_bytes_made_by_hand_are_otherwise_accepted() -> None:
    token = _resigned(_HEAD, _CLAIMS)
    assert await present(token, HOLDER.prove(token))


async def test_another_spelling_of_the_same_signature_is_refused() -> None:
    token = ISSUER.issue(HOLDER)
    with pytest.raises(InvalidToken):
        await present(token + "==", HOLDER.prove(token + "=="))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
async def test_a_token_with_one_character_changed_is_refused(data: st.DataObject) -> None:
    token = ISSUER.issue(HOLDER)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[at]))
    changed = token[:at] + other + token[at + 1 :]
    with pytest.raises(InvalidToken):
        await present(changed, HOLDER.prove(changed))


async def test_a_stolen_token_does_not_work_with_the_thiefs_key() -> None:
    thief = Holder()
    token = ISSUER.issue(HOLDER)
    with pytest.raises(InvalidToken):
        await present(token, thief.prove(token))


@pytest.mark.parametrize("authorization", [["Bearer {}"], ["{}"], ["DPoP {}", "DPoP {}"], []], ids=str)
async def test_a_token_comes_in_one_header_by_one_scheme(authorization: list[str]) -> None:
    token = ISSUER.issue(HOLDER)
    with pytest.raises(InvalidToken):
        await verifier().verify(
            authorization=[one.format(token) for one in authorization],
            proofs=[HOLDER.prove(token)], method="GET", url=URL, now=NOW,
        )  # fmt: skip


TOKEN = ISSUER.issue(HOLDER)
_ED = OKPKey.generate_key("Ed25519")


@pytest.mark.parametrize(
    "proofs",
    [
        [],
        [HOLDER.prove(TOKEN), HOLDER.prove(TOKEN)],
        [HOLDER.prove(TOKEN, at=NOW - timedelta(seconds=61))],
        [HOLDER.prove(TOKEN, at=NOW + timedelta(seconds=11))],
        [HOLDER.prove(TOKEN, iat=str(SECOND))],
        [HOLDER.prove(TOKEN, iat=None)],
        [HOLDER.prove(TOKEN, iat=10**400)],
        [HOLDER.prove(TOKEN, htm="POST")],
        [HOLDER.prove(TOKEN, htm="get")],
        [HOLDER.prove(TOKEN, htm=None)],
        [HOLDER.prove(TOKEN, htu=f"{URL}?after=1")],
        [HOLDER.prove(TOKEN, htu=f"{URL}/")],
        [HOLDER.prove(TOKEN, htu="http://localhost:8081/consent/grants")],
        [HOLDER.prove(TOKEN, htu="https://localhost:8080/consent/grants")],
        [HOLDER.prove(TOKEN, htu="/consent/grants")],
        [HOLDER.prove(TOKEN, htu=None)],
        [HOLDER.prove(TOKEN, jti=None)],
        [HOLDER.prove(TOKEN, jti="")],
        [HOLDER.prove(TOKEN, jti="x" * 201)],
        [HOLDER.prove(TOKEN, jti="a\x00b")],
        [HOLDER.prove(TOKEN, jti=7)],
        [HOLDER.prove(TOKEN, ath=None)],
        [HOLDER.prove("another token")],
        [HOLDER.prove(TOKEN, header={"typ": "jwt"})],
        [HOLDER.prove(TOKEN, header={"kid": "x"})],
        [HOLDER.prove(TOKEN, header={"jwk": HOLDER.key.as_dict(private=True)})],
        [HOLDER.prove(TOKEN, header={"jwk": ECKey.generate_key("P-256").as_dict(private=False)})],
        [HOLDER.prove(TOKEN, header={"jwk": {"kty": "oct", "k": "AAAA"}})],
        [HOLDER.prove(TOKEN, header={"jwk": "https://evil.example"})],
        [HOLDER.prove(TOKEN, header={"jwk": {**HOLDER.key.as_dict(private=False), "x": "AAAA"}})],
        [sign({"typ": "dpop+jwt", "alg": "Ed25519", "jwk": _ED.as_dict(private=False)}, {}, _ED)],
        ["not a proof"],
    ],
)
async def test_a_proof_that_is_not_for_this_request_now_by_this_key_is_refused(proofs: list[str]) -> None:
    with pytest.raises(InvalidDpopProof):
        await present(TOKEN, *proofs)


@pytest.mark.parametrize("seconds", [-60, 0, 10])
async def test_a_proof_within_its_window_is_accepted(seconds: int) -> None:
    assert await present(TOKEN, HOLDER.prove(TOKEN, at=NOW + timedelta(seconds=seconds)))
