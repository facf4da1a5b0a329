"""Signs access tokens: JWTs of RFC 9068, bound to a key, for one audience, at most five minutes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from joserfc.jwk import Key, RSAKey
from pydantic import JsonValue

from shared.keys import PublicJwk, SigningKey, jwks, sign_jws
from shared.reference import Agency
from shared.tokens import LONGEST_LIFE, Actor, Mandate
from shared.vietnam import start_of


@dataclass(frozen=True)
class Entitlement:
    """What a token says its holder may do. `details` are echoed as granted; `more` are claims of a login."""

    client_id: str
    sub: str
    audience: str
    jkt: str
    agency: Agency | None
    mandate: Mandate
    actor: Actor
    details: list[JsonValue]
    more: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    def until(self, now: datetime) -> datetime:
        """Return when it ends: no later than its mandate, nor than its agency (R1)."""
        ends = [now + LONGEST_LIFE]
        if self.mandate.until:
            ends.append(self.mandate.until)
        if self.agency and self.agency.valid_until:
            ends.append(start_of(self.agency.valid_until))
        return min(ends)


@dataclass(frozen=True)
class Issued:
    """A signed token."""

    access_token: str = field(repr=False)
    token_id: str
    expires_in: int
    details: list[JsonValue]


class TokenIssuer:
    """Holds the one key that signs access tokens, and the public ones that are published beside it."""

    def __init__(self, issuer: str, key: SigningKey, others: Sequence[PublicJwk] = ()) -> None:
        if key.algorithm != "PS256":
            raise ValueError("access tokens are signed with an RSA key (PS256)")
        self.issuer = issuer
        self._key = key
        self._published = jwks([key], others)
        self._public: dict[str, Key] = {each["kid"]: RSAKey.import_key(each) for each in self._published["keys"]}

    def jwks(self) -> dict[str, Any]:
        """Return the public keys to verify tokens with (RFC 7517)."""
        return self._published

    async def find(self, kid: str, now: datetime) -> Key | None:
        """Return a public key of ours by its name: identity verifies tokens for itself without a request."""
        return self._public.get(kid)

    def issue(self, entitled: Entitlement, now: datetime) -> Issued:
        """Sign a token; the caller has seen that there is time left."""
        issued = int(now.timestamp())
        expires = int(entitled.until(now).timestamp())
        token_id = str(uuid4())
        agency = entitled.agency
        claims: dict[str, JsonValue] = {
            "iss": self.issuer,
            "sub": entitled.sub,
            "aud": entitled.audience,
            "client_id": entitled.client_id,
            "iat": issued,
            "exp": expires,
            "jti": token_id,
            "cnf": {"jkt": entitled.jkt},
            "agency": {"uid": agency.uid, "name": agency.name.vi, "sector": agency.sector} if agency else None,
            "mandate": _mandate(entitled.mandate),
            "actor": {"kind": entitled.actor.kind, "ref": entitled.actor.ref, "position": entitled.actor.position},
            "authorization_details": entitled.details,
            **entitled.more,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        return Issued(sign_jws(self._key, "at+jwt", told), token_id, expires - issued, entitled.details)


def _mandate(mandate: Mandate) -> JsonValue:
    return {
        "id": mandate.id,
        "kind": mandate.kind,
        "procedures": list(mandate.procedures),
        "until": mandate.until.isoformat() if mandate.until else None,
    }
