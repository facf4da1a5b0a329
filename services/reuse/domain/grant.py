"""Reuse's own copy of a grant: written only by consent's events and signed assertions, never decided here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.reuse.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, SubjectId

GrantState = Literal["granted", "withdrawn", "expired", "ended"]


@dataclass(frozen=True)
class Grant:
    """A right over attributes of one subject, in the newest version that has arrived."""

    grant_id: GrantId
    version: int
    state: GrantState
    kind: Literal["consent", "legal_basis"]
    scope: Literal["release", "retention"]
    subject_id: SubjectId
    sub: str | None
    client_id: str | None
    agency_uid: str | None
    dossier_uid: DossierUid | None
    party_uid: PartyUid | None
    attributes: tuple[AttributeId, ...]
    opted_out: tuple[AttributeId, ...]
    purpose_id: str | None
    purpose_version: int | None
    rule_id: str | None
    rule_version: int | None
    letter: str | None
    legal_refs: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime | None
    use_budget: int | None
    partition: int | None = None  # of its own events; None until one of them was consumed

    def is_valid(self, now: datetime) -> bool:
        """Say whether it may be used at this instant, as far as is known here."""
        begun = self.valid_from <= now
        return self.state == "granted" and begun and (self.valid_until is None or now < self.valid_until)

    def covers(self, attribute: AttributeId, now: datetime) -> bool:
        """Say whether it is valid for an attribute."""
        return attribute in self.attributes and self.is_valid(now)

    def has_ended(self, now: datetime) -> bool:
        """Say whether it is over for good."""
        return self.state != "granted" or (self.valid_until is not None and self.valid_until <= now)
