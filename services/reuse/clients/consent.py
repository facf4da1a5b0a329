"""Asks `consent` how grants stand, when our copy may be too old, and what time it is there."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from services.reuse.domain.grant import Grant, GrantState
from services.reuse.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, SubjectId
from shared import grant_states
from shared.inside import CalleeUnavailable, CallRefused, ServiceClient
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


AT_ONCE = 10
"""Questions of one process to consent at a time."""
PATIENCE = 1.0
"""Seconds that one more waits for its turn."""


class ConsentClient:
    """Speaks to `consent`. Every call raises Unavailable when it does not answer.

    Where consent's news are late every release asks it, and its news are late where it has too much to do: so that it
    finds the time to send them, only so many ask at once, and who waits too long for his turn is told to come again.
    """

    def __init__(self, client: ServiceClient, trust: Trust) -> None:
        self._client = client
        self._trust = trust
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def ask_states(
        self, *, grant_ids: Collection[UUID], subject_id: SubjectId, dossier_uid: UUID | None
    ) -> StateAssertion:
        """Return how these grants stand, and with them all that stand for the dossier and for keeping.

        Raises CallRefused when the answer is not signed by consent for us.
        """
        question: dict[str, JsonValue] = {
            "grant_ids": [str(each) for each in grant_ids],
            "subject_id": str(subject_id),
            "dossier_uid": str(dossier_uid) if dossier_uid else None,
        }
        async with self._turn():
            told = await self._client.post("/internal/grants/states", question, idempotent=True)
        return self._read(str(told.get("assertion")))

    async def ask_clock(self) -> datetime:
        """Return the time of consent's primary."""
        told = await self._client.get("/internal/clock")
        return TypeAdapter(AwareDatetime).validate_python(told["now"])

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._turns.acquire()
        except TimeoutError:
            raise CalleeUnavailable from None
        try:
            yield
        finally:
            self._turns.release()

    def _read(self, compact: str) -> StateAssertion:
        claims = grant_states.verify(compact, audience="reuse", trust=self._trust)
        try:
            return StateAssertion(claims.t, tuple(read_grant(each, partition=None) for each in claims.grants))
        except ValidationError as error:
            raise CallRefused("consent's state assertion tells of no grant we know") from error
