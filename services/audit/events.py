"""What others learn of audit: who looked, when, and why."""

from datetime import datetime

from pydantic import JsonValue

from services.audit.domain.reading import Reason
from shared import ids
from shared.events import Event
from shared.tokens import Caller


def read(
    caller: Caller, reason: Reason, *, kind: str, filters: dict[str, JsonValue], count: int, now: datetime
) -> Event:
    """Build `audit.read.v1`: looking at the log leaves a trace in the log (I10)."""
    event_id = ids.new()
    data: dict[str, JsonValue] = {
        "client_id": caller.client_id,
        "agency_uid": caller.agency.uid,
        "agency_name": caller.agency.name,
        "officer_ref": caller.actor.ref,
        "mandate_id": caller.mandate.id,
        "case_no": reason.case_no,
        "purpose": reason.purpose,
        "kind": kind,
        "filters": filters,
        "count": count,
    }
    return Event(type="audit.read.v1", key=str(event_id), data=data, time=now, id=event_id)
