"""The identifiers of identity, each a type of its own."""

from typing import NewType
from uuid import UUID

SubjectId = NewType("SubjectId", UUID)
"""The surrogate id of a citizen: random, and known to no city system."""
DossierUid = NewType("DossierUid", UUID)
PartyUid = NewType("PartyUid", UUID)
RequestId = NewType("RequestId", UUID)
FlowId = NewType("FlowId", UUID)
LoginId = NewType("LoginId", UUID)
CheckId = NewType("CheckId", UUID)
ClaimsId = NewType("ClaimsId", UUID)
