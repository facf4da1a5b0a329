"""Asks `consent` how grants stand, when our copy may be too old, and what time it is there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError

from services.reuse.domain.grant import Grant, GrantState
from services.reuse.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, SubjectId
from shared import grant_states
from shared.inside import CallRefused, ServiceClient
from shared.keys import Trust


class _Grant(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    grant_id: UUID
    version: int
    state: GrantState
    kind: Literal["consent", "legal_basis"]
    scope: Literal["release", "retention"]
    subject_id: UUID
    sub: str | None
    client_id: str | None
    agency_uid: str | None
    dossier_uid: UUID | None
    party_uid: UUID | None
    attributes: tuple[AttributeId, ...]
    opted_out: tuple[AttributeId, ...] = ()
    purpose_id: str | None = None
    purpose_version: int | None = None
    rule_id: str | None = None
    rule_version: int | None = None
    letter: str | None = None
    legal_refs: tuple[str, ...] = ()
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None
    use_budget: int | None = None

    def grant(self, partition: int | None) -> Grant:
        told = self.model_dump(exclude={"grant_id", "subject_id", "dossier_uid", "party_uid"})
        return Grant(
            grant_id=GrantId(self.grant_id),
            subject_id=SubjectId(self.subject_id),
            dossier_uid=DossierUid(self.dossier_uid) if self.dossier_uid else None,
            party_uid=PartyUid(self.party_uid) if self.party_uid else None,
            partition=partition,
            **told,
        )


def read_grant(told: Any, *, partition: int | None) -> Grant:
    """Read a grant as events and assertions write it; raises ValidationError (a ValueError)."""
    return _Grant.model_validate(told).grant(partition)


@dataclass(frozen=True)
class StateAssertion:
    """Grants as they stood at `t` or later, in consent's own signed words."""

    t: datetime
    grants: tuple[Grant, ...]


class ConsentClient:
    """Speaks to `consent`. Every call raises Unavailable when it does not answer."""

    def __init__(self, client: ServiceClient, trust: Trust) -> None:
        self._client = client
        self._trust = trust

    async def ask_states(
        self, *, grant_ids: Collection[UUID], subject_id: SubjectId, dossier_uid: UUID | None
    ) -> StateAssertion:
        """Return how these grants stand, and with them all that stand for the dossier and for keeping.

        Raises CallRefused when the answer is not signed by consent for us.
        """
        told = await self._client.post(
            "/internal/grants/states",
            {
                "grant_ids": [str(each) for each in grant_ids],
                "subject_id": str(subject_id),
                "dossier_uid": str(dossier_uid) if dossier_uid else None,
            },
            idempotent=True,
        )
        return self._read(str(told.get("assertion")))

    async def ask_clock(self) -> datetime:
        """Return the time of consent's primary."""
        told = await self._client.get("/internal/clock")
        return TypeAdapter(AwareDatetime).validate_python(told["now"])

    def _read(self, compact: str) -> StateAssertion:
        claims = grant_states.verify(compact, audience="reuse", trust=self._trust)
        try:
            return StateAssertion(claims.t, tuple(read_grant(each, partition=None) for each in claims.grants))
        except ValidationError as error:
            raise CallRefused("consent's state assertion tells of no grant we know") from error
