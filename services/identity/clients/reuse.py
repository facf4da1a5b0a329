"""Asks `reuse` for a dossier."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.identity.domain.dossier import Dossier, UnknownDossier
from services.identity.domain.ids import DossierUid, PartyUid
from shared.errors import NotFound
from shared.inside import ServiceClient


class _Told(BaseModel):
    """What `reuse` tells; members we do not need are ignored, so that it may tell more tomorrow."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Agency(_Told):
    uid: str


class _Party(_Told):
    party_uid: UUID


class _Component(_Told):
    party_uid: UUID
    attributes: list[str]


class _Dossier(_Told):
    dossier_uid: UUID
    client_id: str
    state: Literal["draft", "received", "closed"]
    procedure: str
    procedure_version: int
    receiving: _Agency
    competent: _Agency
    supporting: _Agency | None
    parties: list[_Party]
    components: list[_Component]

    def dossier(self) -> Dossier:
        agencies = (self.receiving, self.competent, self.supporting)
        return Dossier(
            dossier_uid=DossierUid(self.dossier_uid),
            client_id=self.client_id,
            is_closed=self.state == "closed",
            procedure=self.procedure,
            procedure_version=self.procedure_version,
            agency_uids=frozenset(each.uid for each in agencies if each),
            party_uids=frozenset(PartyUid(each.party_uid) for each in self.parties),
            allowed=frozenset((PartyUid(each.party_uid), name) for each in self.components for name in each.attributes),
        )


class ReuseClient:
    """Speaks to `reuse`."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def get_dossier(self, dossier_uid: UUID) -> Dossier:
        """Return a dossier as it stands now. Raises UnknownDossier, or Unavailable when `reuse` does not answer."""
        try:
            told = await self._client.get(f"/internal/dossiers/{dossier_uid}")
        except NotFound:
            raise UnknownDossier from None
        return _Dossier.model_validate(told).dossier()
