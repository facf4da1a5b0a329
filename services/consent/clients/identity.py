"""Asks `identity` who a party is."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.consent.domain.dossier import Capacity, Known, Party, UnknownParty
from services.consent.domain.ids import SubjectId
from shared.errors import NotFound
from shared.inside import ServiceClient


class _Party(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    subject_id: UUID | None
    sub: str | None
    sector: str | None
    capacity: Capacity | None = None
    state: str = "bound"

    def party(self) -> Party:
        known = None  # also while a login has only reserved the party: it may yet be given up (R4)
        if self.subject_id and self.sub and self.sector and self.state == "bound":
            known = Known(SubjectId(self.subject_id), self.sub, self.sector)
        return Party(known, self.capacity or Capacity.SELF)


class IdentityClient:
    """Speaks to `identity` about parties."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def get_party(self, dossier_uid: UUID, party_uid: UUID, *, agency_uid: str) -> Party:
        """Return who a party is, by the pairwise `sub` of this agency's sector.

        Raises `UnknownParty`, or Unavailable when `identity` does not answer.
        """
        path = f"/internal/dossiers/{dossier_uid}/parties/{party_uid}"
        try:
            told = await self._client.get(path, {"agency_uid": agency_uid})
        except NotFound:
            raise UnknownParty from None
        return _Party.model_validate(told).party()
