"""The identifiers of reuse, each a type of its own."""

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
