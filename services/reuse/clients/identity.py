"""Asks `identity` who a party is, and collects what a login or an officer's check has verified."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.reuse.domain.dossier import UnknownParty
from services.reuse.domain.ids import AttributeId, SubjectId
from services.reuse.domain.party import Claims, Person
from shared.errors import Conflict, NotFound
from shared.inside import CallRefused, ServiceClient

_NOT_YET = "claims_not_collectable"


class NotYetCollectable(Exception):
    """No event has told identity of a right yet, and consent could not be asked, or they are gone."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Claims(_Told):
    claims_id: UUID
    source: Literal["vneid", "officer_check"]
    state: Literal["held", "collectable", "collected", "discarded"]
    attributes: tuple[AttributeId, ...]

    def claims(self) -> Claims:
        return Claims(self.claims_id, self.source, self.state, self.attributes)


class _Party(_Told):
    state: Literal["none", "reserved", "bound"]
    subject_id: UUID | None
    sub: str | None
    identified_by: Literal["login", "officer_check", "none_yet"] | None = None
    agency_uid: str | None = None  # an identity of the release before does not tell
    provisional: bool = False
    capacity: Literal["self", "both", "representative"] | None = None
    claims: list[_Claims] = []

    def person(self) -> Person:
        return Person(
            state=self.state,
            subject_id=SubjectId(self.subject_id) if self.subject_id else None,
            sub=self.sub,
            identified_by=self.identified_by or "none_yet",
            provisional=self.provisional,
            capacity=self.capacity or "self",
            claims=tuple(each.claims() for each in self.claims),
            identified_for=self.agency_uid,
        )


class _Collected(_Told):
    claims_id: UUID
    subject_id: UUID
    source: Literal["vneid", "officer_check"]
    verified_at: datetime
    account_level: int | None = None
    attributes: dict[AttributeId, JsonValue]


@dataclass(frozen=True)
class CollectedClaims:
    """Values a login or a check has verified; identity deletes them once they are confirmed as taken over."""

    source: Literal["vneid", "officer_check"]
    verified_at: datetime
    account_level: int | None
    values: dict[AttributeId, JsonValue]


class IdentityClient:
    """Speaks to `identity`. Every call raises Unavailable when it does not answer."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def get_party(self, dossier_uid: UUID, party_uid: UUID, *, agency_uid: str) -> Person:
        """Return who a party is. Raises UnknownParty."""
        path = f"/internal/dossiers/{dossier_uid}/parties/{party_uid}"
        try:
            told = await self._client.get(path, {"agency_uid": agency_uid})
        except NotFound:
            raise UnknownParty from None
        return _Party.model_validate(told).person()

    async def collect(self, claims_id: UUID, subject_id: SubjectId) -> CollectedClaims | None:
        """Return the values; None when they are not to be had. May be asked again until it is confirmed.

        Raises NotYetCollectable where an event may still let them be collected.
        """
        try:
            told = await self._client.post(f"/internal/claims/{claims_id}/collection", idempotent=True)
        except NotFound:
            return None
        except Conflict as refused:
            if refused.code == _NOT_YET:
                raise NotYetCollectable from refused
            return None
        read = _Collected.model_validate(told)
        if (read.claims_id, read.subject_id) != (claims_id, subject_id):
            raise CallRefused("identity gave out other claims than were asked for")
        return CollectedClaims(read.source, read.verified_at, read.account_level, read.attributes)

    async def confirm(self, claims_id: UUID) -> None:
        """Let identity delete what has become evidence here; nothing is lost when it has done so already."""
        try:
            await self._client.post(f"/internal/claims/{claims_id}/confirmation", idempotent=True)
        except (NotFound, Conflict):
            return
