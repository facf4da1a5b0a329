"""Knows a calling system by private_key_jwt and nothing else (RFC 7523, FAPI 2.0 §5.3.2.1), and the key it proves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.identity import client_keys
from services.identity.domain.client import Client
from services.identity.domain.oauth import Error, OAuthError
from services.identity.store import clients
from shared import dpop, jws, replay
from shared.db import Database

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
LONGEST_LIFE = timedelta(minutes=5)
AHEAD = timedelta(seconds=10)  # FAPI 2.0 §5.3.2.1: 8 s ahead is accepted, more than 60 s is not
REPLAY_KIND = "client_assertion"
_TYPES = ("JWT", "client-authentication+jwt")
_HEADERS = ({"alg", "kid", "typ"}, {"alg", "typ"})

Form = Mapping[str, str]


@dataclass(frozen=True)
class ClientCall:
    """A request of a client that is known, and the key its proof is by; assertion and proof are used up."""

    client: Client
    jkt: str
    form: Form

    def get(self, name: str) -> str:
        """Return a parameter. Raises OAuthError where it is missing or empty."""
        if not (value := self.form.get(name)):
            raise OAuthError(Error.INVALID_REQUEST, f"{name} is missing")
        return value


async def authenticate(
    db: Database, form: Form, *, proofs: Sequence[str], url: str, issuer: str, now: datetime
) -> ClientCall:
    """Verify client assertion and DPoP proof, and use both up: also where the request then turns out to be wrong.

    Raises OAuthError (`invalid_client`, always alike) or InvalidDpopProof.
    """
    read = _read(form)
    named = read.claims.get("sub")
    if not isinstance(named, str) or not named.isprintable():
        raise _unknown()
    async with db.read() as tx:
        client = await clients.find(tx, named)
    if client is None or form.get("client_id", client.client_id) != client.client_id:
        raise _unknown()
    key = _verify(read, client, issuer, now)
    proof = dpop.verify(proofs, method="POST", url=url, now=now)
    async with db.transaction() as tx:
        try:
            await replay.use_once(tx, REPLAY_KIND, key, now + LONGEST_LIFE + timedelta(minutes=1))
        except replay.Replayed:
            raise _unknown() from None
        await dpop.consume(tx, proof)
    return ClientCall(client, proof.jkt, form)


def _read(form: Form) -> jws.Unverified:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise _unknown()
    for typ in _TYPES:
        for header in _HEADERS:
            try:
                return jws.parse(
                    form.get("client_assertion", ""), typ=typ, algorithms=client_keys.ALGORITHMS, header=header
                )
            except jws.BadJws:
                continue
    raise _unknown()


def _verify(read: jws.Unverified, client: Client, issuer: str, now: datetime) -> str:
    """Check signature and claims (RFC 7523 §3) and return the assertion's name in the replay table."""
    try:
        _check_signature(read, client)
        issued, expires = jws.instant(read.claims, "iat"), jws.instant(read.claims, "exp")
        begins = jws.instant(read.claims, "nbf") if "nbf" in read.claims else issued
    except jws.BadJws:
        raise _unknown() from None
    claims = read.claims
    # `aud` is our issuer as a string: a list could name others, an endpoint could be another server's (FAPI 2.0).
    # `sub` is whom it was found by.
    if claims.get("iss") != client.client_id or claims.get("aud") != issuer:
        raise _unknown()
    if not now < expires <= now + LONGEST_LIFE + AHEAD or not now - LONGEST_LIFE <= issued <= now + AHEAD:
        raise _unknown()
    if begins > now + AHEAD:
        raise _unknown()
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 8 <= len(jti) <= 200 or not jti.isprintable():
        raise _unknown()
    return f"{client.client_id}.{jti}"


def _check_signature(read: jws.Unverified, client: Client) -> None:
    kid = read.header.get("kid")
    named = kid if isinstance(kid, str) else None
    for key in client_keys.candidates(client.jwks, algorithm=str(read.header["alg"]), kid=named):
        try:
            jws.verify(read, key)
        except jws.BadJws:
            continue
        return
    raise jws.BadJws


def _unknown() -> OAuthError:
    return OAuthError(Error.INVALID_CLIENT, "client authentication failed")
