"""What an auditor looks for, and what she must say before she may look."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import JsonValue

Purpose = Literal["inspection", "complaint", "request_of_the_person", "incident", "statistics"]
"""What for, as a code: it stays in the log for good, where free words could name somebody."""


@dataclass(frozen=True)
class Reason:
    """Why a reader looks: the case she works on and what for. It becomes a leaf of the log she reads."""

    case_no: str
    purpose: Purpose


@dataclass(frozen=True)
class Filter:
    """Which events: by time `[from_, until)`, type, dossier; after the one with this arrival number."""

    from_: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    dossier_uid: UUID | None = None

    def as_json(self) -> dict[str, JsonValue]:
        """Return the conditions that were set, for the event of the reading."""
        members: dict[str, JsonValue] = {}
        if self.from_:
            members["from"] = self.from_.isoformat()
        if self.until:
            members["until"] = self.until.isoformat()
        if self.type:
            members["type"] = self.type
        if self.dossier_uid:
            members["dossier_uid"] = str(self.dossier_uid)
        return members
