"""A dossier as `reuse` describes it and a party as `identity` knows it: what consent needs of others to ask rightly."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.consent.domain.ids import AttributeId, DossierUid, PartyUid, SubjectId
from shared.errors import Conflict, Invalid, NotFound
from shared.languages import Words


class UnknownDossier(NotFound):
    """No dossier that this caller may know of."""

    code = "dossier_not_found"


class UnknownParty(NotFound):
    """No such person in this dossier."""

    code = "party_not_found"


class AttributeNotAllowed(Invalid):
    """The pinned procedure asks no such attribute of this party (R7)."""

    code = "attribute_not_allowed"


class DossierClosed(Conflict):
    """Nothing is agreed, decided or asked for a dossier that is closed (R3)."""

    code = "dossier_closed"


class Basis(StrEnum):
    """What a right stands on: the law gives it to the procedure, or she agrees."""

    LEGAL_BASIS = "legal_basis"
    CONSENT = "consent"


@dataclass(frozen=True)
class Rule:
    """The pinned version of a legal basis; `letter` is that of Law 91/2025 Art 19(1)."""

    id: str
    version: int
    letter: str
    legal_refs: tuple[str, ...]
    ends_on: date | None


@dataclass(frozen=True)
class Component:
    """One thing the pinned procedure asks of one party."""

    component_id: str
    party_uid: PartyUid
    document: Words
    attributes: tuple[AttributeId, ...]
    sources: tuple[str, ...]
    basis: Basis
    rule: Rule | None
    purpose: tuple[str, int] | None  # id and version


@dataclass(frozen=True)
class DossierParty:
    """A person's place in a dossier."""

    party_uid: PartyUid
    roles: tuple[str, ...]
    represented_by: PartyUid | None


@dataclass(frozen=True)
class Dossier:
    """One application, with the components of the versions pinned when it was opened (R2)."""

    dossier_uid: DossierUid
    client_id: str
    reference: str
    closed: bool
    procedure: str
    procedure_name: Words
    agencies: Mapping[str, str]  # uid to name: receiving, competent and supporting
    parties: tuple[DossierParty, ...]
    components: tuple[Component, ...]

    def party(self, party_uid: UUID) -> DossierParty:
        """Return one party; raise `UnknownParty` when it belongs to another dossier or to none."""
        for party in self.parties:
            if party.party_uid == party_uid:
                return party
        raise UnknownParty

    def components_of(self, party_uid: UUID) -> list[Component]:
        """Return what is asked of one party; raise `DossierClosed` when it is too late, or `UnknownParty`."""
        if self.closed:
            raise DossierClosed
        self.party(party_uid)
        return [component for component in self.components if component.party_uid == party_uid]


def check_allowed(components: Iterable[Component], attributes: Collection[str]) -> None:
    """Raise `AttributeNotAllowed`, naming them, for attributes that none of the components asks for."""
    asked = {attribute for component in components for attribute in component.attributes}
    if beyond := sorted(set(attributes) - asked):
        raise AttributeNotAllowed(f"not asked by the pinned procedure version: {', '.join(beyond)}")


class Capacity(StrEnum):
    """Who may answer for a person, by age (Law 91/2025 Art 24)."""

    SELF = "self"
    BOTH = "both"
    REPRESENTATIVE = "representative"


@dataclass(frozen=True)
class Known:
    """An identified person, and as whom the acting agency's sector knows her."""

    subject_id: SubjectId
    sub: str
    sector: str


@dataclass(frozen=True)
class Party:
    """A party as far as `identity` knows it: `known` is None until somebody has identified it."""

    known: Known | None
    capacity: Capacity
