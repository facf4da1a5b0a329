"""The identifiers of consent, each a type of its own."""

from typing import NewType
from uuid import UUID

SubjectId = NewType("SubjectId", UUID)
DossierUid = NewType("DossierUid", UUID)
PartyUid = NewType("PartyUid", UUID)
RequestId = NewType("RequestId", UUID)
GrantId = NewType("GrantId", UUID)
ReceiptId = NewType("ReceiptId", UUID)
AttributeId = NewType("AttributeId", str)
"""An id of `contracts/attributes`, such as `person.birth_date`."""
