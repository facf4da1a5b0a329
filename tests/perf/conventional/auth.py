"""Who calls, as it is conventionally verified: PyJWT with the issuer's PEM at each call, claims as Pydantic models."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated

import jwt
from fastapi import Header, HTTPException, Request
from pydantic import BaseModel

from tests.perf.conventional.keys import Keys


class Agency(BaseModel):
    """Who acts in law."""

    uid: str
    name: str
    sector: str


class Actor(BaseModel):
    """Who acts in fact."""

    kind: str
    ref: str | None = None
    position: str | None = None


class Mandate(BaseModel):
    """For which procedures."""

    kind: str
    procedures: list[str]


class Claims(BaseModel):
    """The access token."""

    client_id: str
    jti: str
    exp: int
    cnf: dict[str, str]
    agency: Agency
    actor: Actor
    mandate: Mandate


@dataclass(frozen=True)
class Caller:
    """A verified token and the proof that came with it."""

    claims: Claims
    proof_key: str
    proof_until: datetime


def get_caller(request: Request, authorization: Annotated[str, Header()], dpop: Annotated[str, Header()]) -> Caller:
    """Verify token (RFC 9068) and proof (RFC 9449)."""
    keys: Keys = request.app.state.keys
    token = authorization.partition(" ")[2]
    try:
        claims = Claims.model_validate(
            jwt.decode(
                token, keys.issuer_public, ["PS256"], audience=f"{keys.origin}/reuse", issuer=f"{keys.origin}/identity"
            )
        )
        jwk = jwt.get_unverified_header(dpop)["jwk"]
        proof = jwt.decode(
            dpop, jwt.PyJWK(jwk, "ES256"), ["ES256"], options={"require": ["jti", "iat", "htm", "htu", "ath"]}
        )
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    jkt = _thumbprint(jwk)
    named = proof["htm"], proof["htu"], proof["ath"]
    if named != (request.method, f"{keys.origin}{request.url.path}", _hash(token)) or claims.cnf["jkt"] != jkt:
        raise HTTPException(401)
    return Caller(claims, f"{jkt}.{proof['jti']}", datetime.fromtimestamp(proof["iat"], UTC) + timedelta(minutes=2))


def _thumbprint(jwk: dict[str, str]) -> str:
    """Name the key (RFC 7638)."""
    return _hash(json.dumps({name: jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":")))


def _hash(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
