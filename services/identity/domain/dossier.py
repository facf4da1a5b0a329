"""A dossier as `reuse` tells of it: whose it is, who acts in it, and what its pinned procedure asks of each party."""

from dataclasses import dataclass

from services.identity.domain.ids import DossierUid, PartyUid
from shared.errors import NotFound


class UnknownDossier(NotFound):
    """There is no such dossier, or it is another client's."""

    code = "dossier_not_found"


@dataclass(frozen=True)
class Dossier:
    """The part of a dossier that decides who may be asked for what."""

    dossier_uid: DossierUid
    client_id: str
    is_closed: bool
    procedure: str
    procedure_version: int
    agency_uids: frozenset[str]
    party_uids: frozenset[PartyUid]
    allowed: frozenset[tuple[PartyUid, str]]
    """What the pinned procedure asks: an attribute of a party."""

    def is_allowed(self, party_uid: PartyUid, attribute: str) -> bool:
        """Say whether the pinned procedure asks this attribute of this party."""
        return (party_uid, attribute) in self.allowed
