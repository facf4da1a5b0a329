"""One application: who takes part, what is asked of whom, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.condition import Opening
from services.reuse.domain.ids import (
    AttributeId,
    ComponentId,
    DossierUid,
    PartyUid,
    SubjectId,
)
from services.reuse.domain.procedure import Grade, ProcedureVersion
from shared.errors import Conflict, NotFound
from shared.languages import Words

Channel = Literal["online", "counter", "post"]


class UnknownDossier(NotFound):
    """No dossier that this caller may know of."""

    code = "dossier_not_found"


class UnknownParty(NotFound):
    """No such person in this dossier."""

    code = "party_not_found"


class UnknownComponent(NotFound):
    """The pinned procedure asks no such thing in this dossier, or not of this party."""

    code = "component_not_found"


class DossierClosed(Conflict):
    """Nothing is collected for, released to or decided in a closed dossier (R3)."""

    code = "dossier_closed"


class DraftLapsed(Conflict):
    """The dossier was not received in time and is dead (R3)."""

    code = "dossier_lapsed"


class OfficialCodeSet(Conflict):
    """The dossier bears another official code already: it is set once (R2)."""

    code = "official_code_set"


class State(StrEnum):
    """How far a dossier is."""

    DRAFT = "draft"
    RECEIVED = "received"
    CLOSED = "closed"


class Act(StrEnum):
    """What is done with a dossier as such."""

    RECEIVE = "receive"
    CLOSE = "close"


TRANSITIONS: dict[tuple[State, Act], State | None] = {
    (State.DRAFT, Act.RECEIVE): State.RECEIVED,
    (State.DRAFT, Act.CLOSE): State.CLOSED,
    (State.RECEIVED, Act.RECEIVE): None,
    (State.RECEIVED, Act.CLOSE): State.CLOSED,
    (State.CLOSED, Act.RECEIVE): None,
    (State.CLOSED, Act.CLOSE): None,
}
"""Every state with every act; None is refused."""


@dataclass(frozen=True)
class PinnedRule:
    """The version of a legal basis in force when the dossier opened (R2)."""

    id: str
    version: int
    letter: str
    legal_refs: tuple[str, ...]
    ends_on: date | None
    identification: str | None


@dataclass(frozen=True)
class Component:
    """One thing the pinned procedure asks of one party."""

    component_id: ComponentId
    party_uid: PartyUid
    document_code: str
    document: Words
    optional: bool
    attributes: tuple[AttributeId, ...] = ()
    sources: tuple[str, ...] = ()
    rule: PinnedRule | None = None
    purpose: tuple[str, int] | None = None  # id and version
    data_class: str | None = None
    max_age_days: int | None = None
    min_grade: Grade | None = None

    @property
    def basis(self) -> Literal["legal_basis", "consent"] | None:
        """Say what it stands on; None is a paper that is always handed in."""
        if self.rule:
            return "legal_basis"
        return "consent" if self.purpose else None


@dataclass(frozen=True)
class Party:
    """One person's place in a dossier; the subject is known once `identity` has bound it (R4)."""

    party_uid: PartyUid
    ref: str | None
    roles: tuple[str, ...]
    represented_by: PartyUid | None
    subject_id: SubjectId | None = None


@dataclass(frozen=True)
class Dossier:
    """One application, with procedure, case and rule versions as of its opening (R2)."""

    dossier_uid: DossierUid
    client_id: str
    client_ref: str
    procedure: str
    procedure_name: Words
    procedure_version: int
    case_id: str
    channel: Channel
    receiving: AgencyName
    competent: AgencyName
    supporting: AgencyName | None
    opened_at: datetime
    dies_at: datetime
    parent_uid: DossierUid | None = None
    state: State = State.DRAFT
    official_code: str | None = None
    received_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    parties: tuple[Party, ...] = ()
    components: tuple[Component, ...] = ()

    @property
    def agencies(self) -> dict[str, AgencyName]:
        """Return those who act in this dossier, by uid."""
        return {each.uid: each for each in (self.receiving, self.competent, self.supporting) if each}

    def party(self, party_uid: PartyUid) -> Party:
        """Return one party; raises UnknownParty."""
        for party in self.parties:
            if party.party_uid == party_uid:
                return party
        raise UnknownParty

    def components_of(self, party_uid: PartyUid) -> tuple[Component, ...]:
        """Return what is asked of one party."""
        return tuple(each for each in self.components if each.party_uid == party_uid)

    def component(self, component_id: str) -> Component:
        """Return a component, of its first party where it is about two; raises UnknownComponent."""
        for each in self.components:
            if each.component_id == component_id:
                return each
        raise UnknownComponent

    def check_open(self, now: datetime) -> None:
        """Raise DossierClosed or DraftLapsed when nothing may happen here any more (R3)."""
        if self.state is State.CLOSED:
            raise DossierClosed
        if self.state is State.DRAFT and self.dies_at <= now:
            raise DraftLapsed

    def is_over(self, now: datetime) -> bool:
        """Say whether it is closed, or a draft that was not received in time."""
        return self.state is State.CLOSED or (self.state is State.DRAFT and self.dies_at <= now)

    def receive(self, official_code: str, now: datetime) -> "Dossier":
        """Mark it as received under its official code; the same code again changes nothing (R2)."""
        self.check_open(now)
        if TRANSITIONS[self.state, Act.RECEIVE] is None:
            if self.official_code != official_code:
                raise OfficialCodeSet
            return self
        return replace(self, state=State.RECEIVED, official_code=official_code, received_at=now)

    def close(self, outcome: str, now: datetime) -> "Dossier":
        """End it; nothing is collected or released afterwards. Raises DossierClosed the second time."""
        if TRANSITIONS[self.state, Act.CLOSE] is None:
            raise DossierClosed
        return replace(self, state=State.CLOSED, outcome=outcome, closed_at=now)


def components_for(
    procedure: ProcedureVersion, opening: Opening, parties: Sequence[Party]
) -> list[tuple[ComponentId, Party]]:
    """Return which component of the map is asked of which party, in the map's order."""
    return [
        (component.id, party)
        for component in procedure.components
        for party in parties
        if component.is_asked_of(frozenset(party.roles), opening)
    ]
