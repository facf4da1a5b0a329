"""What identity does with others' events: it follows what was decided, and learns that a newcomer is known."""

from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from services.identity.clients.consent import read_grant
from services.identity.domain.claims import Discarded
from services.identity.domain.ids import DossierUid, PartyUid, RequestId, SubjectId
from services.identity.parts import Parts
from services.identity.service import citizens, grants
from shared.db import Tx
from shared.events import Received
from shared.inbox import Handler

SOURCES = ("consent", "reuse")


class _Told(BaseModel):
    """The members we need of an event; others are ignored, so that the source may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Request(_Told):
    request_id: UUID
    subject_id: UUID
    dossier_uid: UUID
    party_uid: UUID

    def asked(self, event: Received) -> grants.Asked:
        return grants.Asked(
            RequestId(self.request_id),
            SubjectId(self.subject_id),
            DossierUid(self.dossier_uid),
            PartyUid(self.party_uid),
            event.time,
        )


class _Decided(_Request):
    grant_ids: list[UUID]


class _OfGrant(_Told):
    grant: dict[str, JsonValue]


class _LookedUp(_Told):
    subject_id: UUID
    outcome: str
    identification: bool


def make_handlers(given: Parts) -> Mapping[str, Handler]:
    """Make the handlers: event type to use case."""

    async def on_decided(tx: Tx, event: Received) -> None:
        told = _Decided.model_validate(event.data)
        await grants.follow_decision(tx, given, told.asked(event), nothing_granted=not told.grant_ids, now=event.time)

    async def on_grant(tx: Tx, event: Received) -> None:
        if release := read_grant(_OfGrant.model_validate(event.data).grant):
            await grants.keep_grant(tx, given, release, event.time)

    return {
        "consent.decided.v1": on_decided,
        "consent.abandoned.v1": gives_up(Discarded.REFUSED),
        "consent.lapsed.v1": gives_up(Discarded.LAPSED),
        "consent.granted.v1": on_grant,
        "consent.withdrawn.v1": on_grant,
        "consent.withdrawal-confirmed.v1": on_grant,
        "consent.expired.v1": on_grant,
        "consent.legal-basis-ended.v1": on_grant,
        "reuse.looked-up.v1": on_looked_up,
    }


def gives_up(reason: Discarded) -> Handler:
    """Make the handler of a request that ended without an answer."""

    async def on_given_up(tx: Tx, event: Received) -> None:
        await grants.follow_giving_up(tx, _Request.model_validate(event.data).asked(event), reason, event.time)

    return on_given_up


async def on_looked_up(tx: Tx, event: Received) -> None:
    """Confirm a provisional citizen whom the population database has found under the keys we have of her."""
    told = _LookedUp.model_validate(event.data)
    if told.identification and told.outcome == "found":
        await citizens.confirm(tx, SubjectId(told.subject_id), asked_at=event.time)
