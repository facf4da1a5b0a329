"""What comes of a dossier: the officer's word on each component, and the result."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.ids import AttributeId, DossierUid, EvidenceId, PartyUid, SubjectId
from shared.errors import Conflict
from shared.tokens import Actor


class AlreadyAccepted(Conflict):
    """The component was accepted before; that is the officer's last word."""

    code = "component_already_accepted"


class ResultExists(Conflict):
    """This result was deposited before."""

    code = "result_exists"


@dataclass(frozen=True)
class Verdict:
    """An officer's word on a component; the release it is about, None where a paper was handed in."""

    verdict_id: UUID
    dossier_uid: DossierUid
    component_id: str
    outcome: Literal["accepted", "rejected"]
    reason: str | None
    release_id: UUID | None
    agency: AgencyName
    actor: Actor
    judged_at: datetime


@dataclass(frozen=True)
class Deposit:
    """A result that became evidence."""

    result_id: UUID
    dossier_uid: DossierUid
    party_uid: PartyUid
    subject_id: SubjectId
    result_type: str
    attribute: AttributeId
    evidence_id: EvidenceId
    agency: AgencyName
    actor: Actor
    deposited_at: datetime


@dataclass(frozen=True)
class Count:
    """Papers of a dossier: asked by its procedure, and not asked for of the citizen (accepted, from reused data)."""

    papers: int
    not_asked_for: int
