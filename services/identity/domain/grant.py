"""What consent has granted for a party, as far as identity needs it: to let claims be collected."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.identity.domain.ids import DossierUid, PartyUid, RequestId, SubjectId


@dataclass(frozen=True)
class ReleaseGrant:
    """A release grant as its newest event tells it, or consent itself."""

    grant_id: UUID
    version: int
    subject_id: SubjectId
    dossier_uid: DossierUid
    party_uid: PartyUid
    request_id: RequestId | None
    """Of the consent page; an officer's decision has none."""
    attributes: tuple[str, ...]
    standing: bool
    valid_from: datetime
    valid_until: datetime | None
