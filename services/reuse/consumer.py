"""What reuse does with others' events: it learns of grants and of who a party is, and how far the log has come."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.reuse.clients.consent import read_grant
from services.reuse.service import grants
from services.reuse.store import dossiers
from shared import clock
from shared.db import Tx
from shared.events import Received
from shared.inbox import Handler


class _Told(BaseModel):
    """The members we need of an event; others are ignored, so that the source may add some."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _OfGrant(_Told):
    grant: dict[str, Any]


class _Identified(_Told):
    dossier_uid: UUID
    party_uid: UUID
    subject_id: UUID
    state: Literal["reserved", "bound"]


async def on_grant(tx: Tx, event: Received) -> None:
    """Take in the full state of a grant; the partition is where watermarks vouch for it from now on."""
    told = read_grant(_OfGrant.model_validate(event.data).grant, partition=event.partition)
    await grants.learn(tx, told, now=clock.now())


async def on_party_identified(tx: Tx, event: Received) -> None:
    """Remember whom a party is bound to; a reservation may still be given up (R4)."""
    told = _Identified.model_validate(event.data)
    if told.state == "bound":
        await dossiers.bind(tx, dossier_uid=told.dossier_uid, party_uid=told.party_uid, subject_id=told.subject_id)


SOURCES = ("identity", "consent", "audit")
HANDLERS: Mapping[str, Handler] = {
    "identity.party-identified.v1": on_party_identified,
    "consent.granted.v1": on_grant,
    "consent.withdrawn.v1": on_grant,
    "consent.withdrawal-confirmed.v1": on_grant,
    "consent.expired.v1": on_grant,
    "consent.legal-basis-ended.v1": on_grant,
}
