"""One question to somebody who can say an attribute, on behalf of somebody named."""

from dataclasses import dataclass
from uuid import UUID

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, SubjectId
from shared.tokens import Actor

MATCH_KEYS = (AttributeId("person.pin"), AttributeId("person.full_name"), AttributeId("person.birth_date"))
"""What a register compares before it answers (number, name, birth date)."""


@dataclass(frozen=True)
class Lookup:
    """One question, about some attributes of one subject, on behalf of somebody named."""

    lookup_id: UUID
    subject_id: SubjectId
    dossier_uid: DossierUid
    party_uid: PartyUid
    source: str
    attributes: tuple[AttributeId, ...]
    actor: Actor
    agency: AgencyName
    grant_id: GrantId | None
    identification: bool = False
    claims_id: UUID | None = None
