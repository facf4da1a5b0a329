"""What consent does with others' events: it keeps who used whose data, and ends rights of law with their dossier."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.consent.domain.ids import SubjectId
from services.consent.domain.use import Use, UseKind, Verdict
from services.consent.service import end, mine
from shared.db import Tx
from shared.events import Received
from shared.inbox import Handler


class _Told(BaseModel):
    """The members we need of an event; others are ignored, so that the source may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Agency(_Told):
    uid: str
    name: str


class _Actor(_Told):
    kind: str
    position: str | None = None


class _Closed(_Told):
    dossier_uid: UUID


class _Used(_Told):
    subject_id: UUID
    dossier_uid: UUID | None = None
    agency: _Agency | None = None
    agency_uid: str | None = None
    actor: _Actor | None = None
    attributes: list[str] = []
    attribute: str | None = None
    release_id: str | None = None
    replay_of: str | None = None
    grant_ids: list[UUID] = []
    grant_id: UUID | None = None
    outcome: str | None = None
    reason: str | None = None
    authorised_at: datetime | None = None
    method: str | None = None

    def use(self, kind: UseKind, event: Received) -> Use:
        return Use(
            event_id=event.id,
            subject_id=SubjectId(self.subject_id),
            kind=kind,
            at=self.authorised_at or event.time,
            agency_uid=self.agency.uid if self.agency else self.agency_uid,
            agency_name=self.agency.name if self.agency else None,
            actor_kind=self.actor.kind if self.actor else None,
            position=self.actor.position if self.actor else None,
            attributes=tuple(self.attributes) or ((self.attribute,) if self.attribute else ()),
            dossier_uid=self.dossier_uid,
            release_id=self.release_id,
            replay=self.replay_of is not None,
            grant_ids=tuple(self.grant_ids) or ((self.grant_id,) if self.grant_id else ()),
            note=self.outcome or self.reason,
        )


class _Judged(_Told):
    verdict_id: str
    dossier_uid: UUID
    release_id: str | None
    agency: _Agency
    actor: _Actor


async def on_dossier_closed(tx: Tx, event: Received) -> None:
    """End the rights of law in this dossier (R11). It may be one we never heard of: then only the mark is kept."""
    closed = _Closed.model_validate(event.data)
    await end.end_with_dossier(tx, dossier_uid=closed.dossier_uid, now=event.time)


async def on_party_identified(tx: Tx, event: Received) -> None:
    """Keep that an officer looked at her card; her own login is told by an event of its own."""
    told = _Used.model_validate(event.data)
    if told.method == "officer_check":
        await mine.keep_use(tx, use=told.use(UseKind.IDENTIFIED, event))


def keeps(kind: UseKind) -> Handler:
    """Make the handler that keeps an event as one use of this kind."""

    async def on_used(tx: Tx, event: Received) -> None:
        await mine.keep_use(tx, use=_Used.model_validate(event.data).use(kind, event))

    return on_used


def judges(*, accepted: bool) -> Handler:
    """Make the handler of an officer's verdict; it has the dossier as key and may come before its release."""

    async def on_verdict(tx: Tx, event: Received) -> None:
        told = _Judged.model_validate(event.data)
        verdict = Verdict(
            verdict_id=told.verdict_id,
            release_id=told.release_id,
            dossier_uid=told.dossier_uid,
            accepted=accepted,
            at=event.time,
            agency_name=told.agency.name,
            position=told.actor.position,
        )
        await mine.keep_verdict(tx, verdict=verdict)

    return on_verdict


SOURCES = ("identity", "reuse")
HANDLERS: Mapping[str, Handler] = {
    "identity.login-succeeded.v1": keeps(UseKind.LOGGED_IN),
    "identity.party-identified.v1": on_party_identified,
    "reuse.dossier-closed.v1": on_dossier_closed,
    "reuse.looked-up.v1": keeps(UseKind.LOOKED_UP),
    "reuse.released.v1": keeps(UseKind.RELEASED),
    "reuse.release-withheld.v1": keeps(UseKind.WITHHELD),
    "reuse.deposited.v1": keeps(UseKind.DEPOSITED),
    "reuse.evidence-deleted.v1": keeps(UseKind.DELETED),
    "reuse.accepted.v1": judges(accepted=True),
    "reuse.rejected.v1": judges(accepted=False),
}
