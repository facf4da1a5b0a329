"""Evidence: one verified attribute of one subject, and the holdings that say why it may still be kept (R9)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.reuse.domain.ids import AttributeId, DossierUid, EvidenceId, GrantId, HoldingId, SubjectId
from services.reuse.domain.procedure import Grade

Origin = Literal["vneid", "registry", "procedure_result", "digitised_paper", "upload"]
Scope = Literal["dossier", "citizen_store", "legal_reuse"]


@dataclass(frozen=True)
class Evidence:
    """One version of one attribute. Its value is sealed; nothing here is personal data but that it exists."""

    evidence_id: EvidenceId
    subject_id: SubjectId
    attribute: AttributeId
    sealed: bytes
    digest: bytes
    origin: Origin
    source: str
    verified_at: datetime
    level: int | None
    value_grade: Grade
    valid_until: datetime | None
    data_class: str
    dossier_uid: DossierUid

    @property
    def place(self) -> str:
        """Say where the sealed value belongs; elsewhere it does not open."""
        return seal_place(self.subject_id, self.attribute, self.evidence_id)

    def suits(self, min_grade: Grade, max_age_days: int, now: datetime) -> bool:
        """Say whether it is good and fresh enough."""
        fresh = now - timedelta(days=max_age_days) < self.verified_at
        return self.value_grade >= min_grade and fresh and (self.valid_until is None or now < self.valid_until)


def seal_place(subject_id: object, attribute: str, evidence_id: object) -> str:
    """Name a sealed value's place (`Vault.seal`, aad)."""
    return f"evidence|sealed|{subject_id}|{attribute}|{evidence_id}"


@dataclass(frozen=True)
class Holding:
    """Why one evidence version may be kept, and for what it may be used."""

    holding_id: HoldingId
    evidence_id: EvidenceId
    subject_id: SubjectId
    scope: Scope
    dossier_uid: DossierUid | None = None
    grant_id: GrantId | None = None
    rule_id: str | None = None
    rule_version: int | None = None
    legal_refs: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    until: datetime | None = None

    def covers(self, dossier_uid: DossierUid, procedure: str, now: datetime) -> bool:
        """Say whether evidence held so may be used for a dossier; a grant behind it is another question (R8)."""
        if self.until is not None and self.until <= now:
            return False
        if self.scope == "dossier":
            return self.dossier_uid == dossier_uid
        return self.scope == "citizen_store" or procedure in self.procedures


@dataclass(frozen=True)
class Held:
    """An evidence version together with one reason to keep it."""

    evidence: Evidence
    holding: Holding


@dataclass(frozen=True)
class Deleted:
    """Evidence that nothing holds any more."""

    evidence_id: EvidenceId
    subject_id: SubjectId
    attribute: AttributeId
