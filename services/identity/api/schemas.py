"""The bodies and answers of identity's HTTP interface."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from services.identity.domain.claims import Claims, ClaimsState, Source
from services.identity.domain.person import BirthDate, Capacity, MatchKeys, written_name
from services.identity.service.checks import Check, Checked
from services.identity.service.claims import Collected
from services.identity.service.par import Pushed
from services.identity.service.who import Answer
from services.identity.tokens import Issued
from shared.http import Body, View


class PushedView(View):
    """Where the browser is sent next, with the client_id, for a minute."""

    request_uri: str
    expires_in: int

    @classmethod
    def of(cls, pushed: Pushed) -> "PushedView":
        """Show a pushed request."""
        return cls(request_uri=pushed.request_uri, expires_in=pushed.expires_in)


class TokenView(View):
    """A token reply; `authorization_details` as granted, which may be less than was asked (RFC 9396 §7)."""

    access_token: str
    token_type: Literal["DPoP"] = "DPoP"  # noqa: S105 - the name of a type
    expires_in: int
    authorization_details: list[JsonValue]

    @classmethod
    def of(cls, issued: Issued) -> "TokenView":
        """Show a token."""
        return cls(access_token=issued.access_token, expires_in=issued.expires_in, authorization_details=issued.details)


class NewCheck(Body):
    """What an officer was shown: number, name and birth date (a day, or the year where only that is known)."""

    dossier_uid: UUID
    party_uid: UUID
    method: Literal["card_shown", "vneid_shown", "paper_shown"]
    pin: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    full_name: Annotated[str, Field(min_length=1, max_length=100)]
    birth_date: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$")]

    def check(self) -> Check:
        """Turn the body into what the use case is given. Raises InvalidKeys."""
        keys = MatchKeys(self.pin, written_name(self.full_name), BirthDate(self.birth_date))
        return Check(self.dossier_uid, self.party_uid, self.method, keys)


class CheckView(View):
    """Who it is, by the identifier of the agency's sector; `provisional` until the population database knows her."""

    check_id: UUID
    sub: str
    provisional: bool
    capacity: Capacity

    @classmethod
    def of(cls, checked: Checked) -> "CheckView":
        """Show a check."""
        return cls(
            check_id=checked.check_id, sub=checked.sub, provisional=checked.provisional, capacity=checked.capacity
        )


class ClaimsView(View):
    """Claims of a party, without values: all that waits, granted or not; `digest` once something may be collected."""

    claims_id: UUID
    source: Source
    state: ClaimsState
    attributes: list[str]
    digest: str | None
    verified_at: datetime

    @classmethod
    def of(cls, claims: Claims) -> "ClaimsView":
        """Show claims."""
        return cls(
            claims_id=claims.claims_id,
            source=claims.source,
            state=claims.state,
            attributes=list(claims.attributes),
            digest=claims.digest,
            verified_at=claims.verified_at,
        )


class PartyView(View):
    """Who a party is, for the services inside."""

    state: Literal["none", "reserved", "bound"]
    subject_id: UUID | None = None
    sub: str | None = None
    sector: str
    identified_by: Literal["login", "officer_check", "none_yet"] = "none_yet"
    agency_uid: str | None = None  # for which she was identified last
    provisional: bool = False
    capacity: Capacity | None = None
    claims: tuple[ClaimsView, ...] = ()

    @classmethod
    def of(cls, answer: Answer) -> "PartyView":
        """Show a party."""
        who = answer.who
        if who is None:
            return cls(state="none", sector=answer.sector)
        return cls(
            state="bound" if who.party.state == "bound" else "reserved",
            subject_id=who.party.subject_id,
            sub=who.sub,
            sector=answer.sector,
            identified_by=who.party.method.value,
            agency_uid=who.party.place.agency_uid,
            provisional=who.provisional,
            capacity=who.capacity,
            claims=tuple(ClaimsView.of(each) for each in who.claims),
        )


class CollectedView(View):
    """Claims with the values that are granted. `digest` = SHA-256 of RFC 8785 JSON `{attributes, salt}`, in hex."""

    claims_id: UUID
    subject_id: UUID
    source: Source
    verified_at: datetime
    acr: str | None
    account_level: int | None
    salt: str
    digest: str
    attributes: dict[str, JsonValue]

    @classmethod
    def of(cls, collected: Collected) -> "CollectedView":
        """Show claims that are collected."""
        claims = collected.claims
        return cls(
            claims_id=claims.claims_id,
            subject_id=claims.subject_id,
            source=claims.source,
            verified_at=claims.verified_at,
            acr=claims.acr,
            account_level=claims.account_level,
            salt=claims.readable_salt,
            digest=claims.digest or "",
            attributes=dict(collected.values),
        )
