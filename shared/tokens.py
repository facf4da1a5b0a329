"""Turns an access token (RFC 9068) and its proof (RFC 9449) into a `Caller`: the only way to get one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from joserfc.jwk import Key
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from shared import dpop, jws
from shared.errors import Unauthenticated

SKEW = timedelta(seconds=30)
LONGEST_LIFE = timedelta(seconds=300)


class InvalidToken(Unauthenticated):
    """The access token is not ours, not for us, over, or bound to another key (RFC 6750 §3.1, RFC 9449 §7.1)."""

    code = "invalid_token"


@dataclass(frozen=True, slots=True)
class AgencyRef:
    """Who acts in law, by the name it had when the token was issued."""

    uid: str
    name: str
    sector: str


@dataclass(frozen=True, slots=True)
class Mandate:
    """Why a client may act for its agency, as the token carries it (R1)."""

    id: str
    kind: Literal["procedure", "audit", "first_party"]
    procedures: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in fact: the citizen herself, an officer by a pseudonymous reference, or a machine."""

    kind: Literal["citizen", "officer", "automated"]
    ref: str | None = None
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A city system whose token and key have been verified. `sub` is None where nobody has logged in."""

    client_id: str
    sub: str | None
    subject_id: str | None  # only in tokens of the first-party client
    agency: AgencyRef
    mandate: Mandate
    actor: Actor
    dossier_uid: str | None
    party_uid: str | None
    attributes: tuple[str, ...]
    token_id: str
    expires_at: datetime
    acr: str | None
    auth_time: datetime | None


# The first-party client acts for no agency; its own sector makes its `sub` join with nobody's.
SELF_SERVICE = AgencyRef(uid="", name="", sector="self_service")


@dataclass(frozen=True, slots=True)
class Bound:
    """A verified token, and the thumbprint of the key it is bound to."""

    caller: Caller
    jkt: str


@dataclass(frozen=True, slots=True)
class Presented:
    """A verified token with the proof it came with; the proof is not used up yet."""

    caller: Caller
    proof: dpop.Proof


class KeySource(Protocol):
    """Where the issuer's public keys come from."""

    async def find(self, kid: str, now: datetime) -> Key | None:
        """Return the key of this name; raises Unavailable when no key at all can be had."""
        ...


class TokenVerifier:
    """Verifies what is presented to one service: its audience, the one issuer, the issuer's keys."""

    def __init__(self, *, issuer: str, audience: str, keys: KeySource) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    async def verify(
        self, *, authorization: Sequence[str], proofs: Sequence[str], method: str, url: str, now: datetime
    ) -> Presented:
        """Verify a request's credentials, from its headers only (RFC 9449 §7.1); does not use the proof up.

        Raises Unauthenticated without any, InvalidToken, dpop.InvalidDpopProof, or Unavailable without keys.
        """
        if not authorization and not proofs:
            raise Unauthenticated
        scheme, _, token = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        if scheme.lower() != "dpop":
            raise InvalidToken
        bound = await self.verify_access_token(token, now=now)
        proof = dpop.verify(proofs, method=method, url=url, now=now, access_token=token)
        if proof.jkt != bound.jkt:
            raise InvalidToken  # a stolen token with the thief's key
        return Presented(bound.caller, proof)

    async def verify_access_token(self, token: str, *, now: datetime) -> Bound:
        """Verify a token by itself (RFC 9068 §4): also for a client that looks at its own. Raises InvalidToken."""
        try:
            read = jws.parse(token, typ="at+jwt", algorithms={"PS256"}, header={"alg", "kid", "typ"})
            key = await self._keys.find(read.kid, now)
            if key is None:
                raise InvalidToken
            claims = _Claims.model_validate(jws.verify(read, key))
        except (jws.BadJws, ValidationError):
            raise InvalidToken from None
        self._check(claims, now)
        return Bound(claims.caller(), claims.cnf.jkt)

    def _check(self, claims: "_Claims", now: datetime) -> None:
        issued, expires = _utc(claims.iat), _utc(claims.exp)
        if claims.iss != self._issuer or claims.aud != self._audience:
            raise InvalidToken
        # Skew only forgives an issuer whose clock is ahead; nothing outlives its own `exp`.
        if issued > now + SKEW or now >= expires or not timedelta() < expires - issued <= LONGEST_LIFE:
            raise InvalidToken


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Confirmation(_Model):
    jkt: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")


class _Agency(_Model):
    uid: str
    name: str
    sector: str


class _Mandate(_Model):
    id: str = ""
    kind: Literal["procedure", "audit", "first_party"]
    procedures: list[str] = []
    until: AwareDatetime | None = Field(default=None, strict=False)  # ISO text or seconds


class _Actor(_Model):
    kind: Literal["citizen", "officer", "automated"]
    ref: str | None = None
    position: str | None = None


class _Details(_Model):
    attributes: list[str] = []


_Seconds = Field(ge=0, lt=1 << 32)


class _Claims(_Model):
    """The claims as identity writes them; `aud` a string, since a list could name others beside us."""

    iss: str
    sub: str = Field(min_length=1)
    aud: str
    client_id: str = Field(min_length=1)
    iat: int = _Seconds
    exp: int = _Seconds
    jti: str = Field(min_length=1, max_length=200)
    cnf: _Confirmation
    agency: _Agency | None = None
    mandate: _Mandate
    actor: _Actor
    dossier_uid: str | None = None
    party_uid: str | None = None
    subject_id: str | None = None
    acr: str | None = None
    auth_time: int | None = Field(default=None, ge=0, lt=1 << 32)
    authorization_details: list[_Details] = Field(default=[], max_length=1)

    def caller(self) -> Caller:
        """Build the typed subject. Raises InvalidToken without an agency, unless the token is the citizen's own."""
        if self.agency is None and self.mandate.kind != "first_party":
            raise InvalidToken
        return Caller(
            client_id=self.client_id,
            sub=None if self.sub == self.client_id else self.sub,
            subject_id=self.subject_id if self.mandate.kind == "first_party" else None,
            agency=AgencyRef(self.agency.uid, self.agency.name, self.agency.sector) if self.agency else SELF_SERVICE,
            mandate=self._mandate(),
            actor=Actor(self.actor.kind, self.actor.ref, self.actor.position),
            dossier_uid=self.dossier_uid,
            party_uid=self.party_uid,
            attributes=tuple(name for details in self.authorization_details for name in details.attributes),
            token_id=self.jti,
            expires_at=_utc(self.exp),
            acr=self.acr,
            auth_time=None if self.auth_time is None else _utc(self.auth_time),
        )

    def _mandate(self) -> Mandate:
        told = self.mandate
        return Mandate(told.id, told.kind, tuple(told.procedures), told.until)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
