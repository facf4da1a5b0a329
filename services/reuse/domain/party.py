"""Who a party is, as `identity` tells it; it alone may say so."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.reuse.domain.ids import AttributeId, SubjectId
from shared.errors import Conflict


class PartyUnidentified(Conflict):
    """Nobody is bound to this party yet, so it has no grants and no evidence (R5)."""

    code = "party_unidentified"


class PartyProvisional(Conflict):
    """The person is known by a number that the population register, asked again, has not confirmed yet (R5)."""

    code, fault, retryable = "party_provisional", "source", True


class PartyUnconfirmed(Conflict):
    """The register cannot be asked, or has said no: her number, name and birth date are to be looked at again (R5)."""

    code = "party_unconfirmed"


@dataclass(frozen=True)
class Claims:
    """A login's or an officer's check's claims, waiting at `identity`."""

    claims_id: UUID
    source: Literal["vneid", "officer_check"]
    state: Literal["held", "collectable", "collected", "discarded"]
    attributes: tuple[AttributeId, ...]


@dataclass(frozen=True)
class Person:
    """A party as of now."""

    state: Literal["none", "reserved", "bound"]
    subject_id: SubjectId | None
    sub: str | None
    identified_by: Literal["login", "officer_check", "none_yet"]
    provisional: bool
    capacity: Literal["self", "both", "representative"]
    claims: tuple[Claims, ...] = ()
    identified_for: str | None = None  # the agency; None where identity does not tell yet

    @property
    def bound_subject(self) -> SubjectId | None:
        """Return whose party it is for good (R4), or None."""
        return self.subject_id if self.state == "bound" else None

    def get_subject(self) -> SubjectId:
        """Return whose party it is for good; raises PartyUnidentified (R5)."""
        subject_id = self.bound_subject
        if subject_id is None:
            raise PartyUnidentified
        return subject_id
