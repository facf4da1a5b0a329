"""Asks `reuse` for a dossier with its components."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.consent.domain.dossier import Basis, Component, Dossier, DossierParty, Rule, UnknownDossier
from services.consent.domain.ids import AttributeId, DossierUid, PartyUid
from shared.errors import NotFound
from shared.inside import ServiceClient
from shared.languages import Words


class _Told(BaseModel):
    """What `reuse` tells; members we do not need are ignored, so that it may tell more tomorrow."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Agency(_Told):
    uid: str
    name: str


class _Rule(_Told):
    id: str
    version: int
    letter: str
    legal_refs: list[str]
    ends_on: date | None

    def rule(self) -> Rule:
        return Rule(self.id, self.version, self.letter, tuple(self.legal_refs), self.ends_on)


class _Purpose(_Told):
    id: str
    version: int


class _Component(_Told):
    component_id: str
    party_uid: UUID
    document: Words
    attributes: list[str]
    sources: list[str]
    basis: Basis | None
    rule: _Rule | None
    purpose: _Purpose | None

    def component(self) -> Component:
        if self.basis is None:
            raise ValueError("a paper that is only handed in has no basis")
        return Component(
            component_id=self.component_id,
            party_uid=PartyUid(self.party_uid),
            document=self.document,
            attributes=tuple(AttributeId(each) for each in self.attributes),
            sources=tuple(self.sources),
            basis=self.basis,
            rule=self.rule.rule() if self.rule else None,
            purpose=(self.purpose.id, self.purpose.version) if self.purpose else None,
        )


class _Party(_Told):
    party_uid: UUID
    roles: list[str]
    represented_by: UUID | None

    def party(self) -> DossierParty:
        by = self.represented_by
        return DossierParty(PartyUid(self.party_uid), tuple(self.roles), PartyUid(by) if by else None)


class _Dossier(_Told):
    dossier_uid: UUID
    client_id: str
    client_ref: str
    official_code: str | None
    state: Literal["draft", "received", "closed"]
    procedure: str
    procedure_name: Words
    receiving: _Agency
    competent: _Agency
    supporting: _Agency | None
    parties: list[_Party]
    components: list[_Component]

    def dossier(self) -> Dossier:
        agencies = [each for each in (self.receiving, self.competent, self.supporting) if each]
        return Dossier(
            dossier_uid=DossierUid(self.dossier_uid),
            client_id=self.client_id,
            reference=self.official_code or self.client_ref,
            closed=self.state == "closed",
            procedure=self.procedure,
            procedure_name=self.procedure_name,
            agencies={each.uid: each.name for each in agencies},
            parties=tuple(each.party() for each in self.parties),
            components=tuple(each.component() for each in self.components if each.basis),
        )


class ReuseClient:
    """Speaks to `reuse`."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def get_dossier(self, dossier_uid: UUID) -> Dossier:
        """Return a dossier as it stands now. Raises `UnknownDossier`, or Unavailable when `reuse` does not answer."""
        try:
            told = await self._client.get(f"/internal/dossiers/{dossier_uid}")
        except NotFound:
            raise UnknownDossier from None
        return _Dossier.model_validate(told).dossier()
