"""Keep every event of every service, as the bytes that were signed."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import cast
from uuid import UUID

from pydantic import JsonValue

from services.audit import store
from services.audit.domain.bundle import Signed
from services.audit.domain.leaf import SALT_BYTES
from shared import alarms, telemetry
from shared.db import Tx
from shared.events import Received


async def keep(tx: Tx, event: Received) -> None:
    """Keep an event for the sequencer; a number that names two different events raises an alarm (architecture: I3)."""
    entry = _entry(event)
    if await store.add_entry(tx, entry):
        return
    if await store.digest_of(tx, event.source, event.sequence) != entry.digest:
        await alarms.raise_alarm(
            tx,
            "two_digests",
            f"{event.source}/{event.sequence}",
            {"event_id": str(event.id), "type": event.type},
        )


def _entry(event: Received) -> store.Entry:
    return store.Entry(
        source=event.source,
        sequence=event.sequence,
        event_id=event.id,
        type=event.type,
        time=event.time,
        subject_id=_id(event.data, "subject_id"),
        dossier_uid=_id(event.data, "dossier_uid"),
        digest=hashlib.sha256(event.canonical).digest(),
        signed=Signed(event.canonical, event.signature, event.kid),
        salt=secrets.token_bytes(SALT_BYTES),
        traceparent=telemetry.traceparent(),
    )


def _id(data: Mapping[str, JsonValue], name: str) -> UUID | None:
    """Find an id in an event, or in the grant that a grant's event carries whole."""
    grant = data.get("grant")
    holder = cast(Mapping[str, JsonValue], grant) if isinstance(grant, dict) else data
    value = holder.get(name)
    return UUID(value) if isinstance(value, str) else None
