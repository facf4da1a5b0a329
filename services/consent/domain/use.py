"""What a citizen is shown of the uses of her data: who, when, what, for which dossier; never a value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.consent.domain.ids import SubjectId


class UseKind(StrEnum):
    """What was done."""

    LOGGED_IN = "logged_in"
    IDENTIFIED = "identified"
    LOOKED_UP = "looked_up"
    RELEASED = "released"
    WITHHELD = "withheld"
    DEPOSITED = "deposited"
    DELETED = "deleted"


@dataclass(frozen=True)
class Use:
    """One use. Of an officer only position and agency are known here (the reference is for auditors)."""

    event_id: UUID
    subject_id: SubjectId
    kind: UseKind
    at: datetime
    agency_uid: str | None = None
    agency_name: str | None = None
    actor_kind: str | None = None
    position: str | None = None
    attributes: tuple[str, ...] = ()
    dossier_uid: UUID | None = None
    release_id: str | None = None
    replay: bool = False
    grant_ids: tuple[UUID, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What an officer said of what was released to her dossier."""

    verdict_id: str
    release_id: str | None
    dossier_uid: UUID
    accepted: bool
    at: datetime
    agency_name: str
    position: str | None
