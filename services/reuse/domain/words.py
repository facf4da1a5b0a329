"""The identifiers of reuse, each a type of its own, and who acts in law."""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

DossierUid = NewType("DossierUid", UUID)
PartyUid = NewType("PartyUid", UUID)
SubjectId = NewType("SubjectId", UUID)
GrantId = NewType("GrantId", UUID)
EvidenceId = NewType("EvidenceId", UUID)
HoldingId = NewType("HoldingId", UUID)
ReleaseId = NewType("ReleaseId", UUID)
ComponentId = NewType("ComponentId", str)
AttributeId = NewType("AttributeId", str)

MATCH_KEYS = (AttributeId("person.pin"), AttributeId("person.full_name"), AttributeId("person.birth_date"))
"""What a register compares before it answers (number, name, birth date)."""


@dataclass(frozen=True)
class AgencyName:
    """Who acts in law, by uid and by its name at that time."""

    uid: str
    name: str
