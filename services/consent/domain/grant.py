"""A grant: a right over named attributes of one subject, of law or by consent, and how it ends."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.consent.domain.dossier import Basis
from services.consent.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, ReceiptId, SubjectId
from services.consent.domain.item import Scope
from services.consent.domain.states import GRANT_TRANSITIONS, GrantMove, GrantState
from shared.errors import Conflict
from shared.transitions import after


class StandsOnLaw(Conflict):
    """A right that the law gives to the procedure is not hers to withdraw (R10)."""

    code = "stands_on_law"
    fault = "citizen"


class StandsOnConsent(Conflict):
    """What she agreed to ends when she says so, or with its time; no officer ends it (R11)."""

    code = "stands_on_consent"


class Origin(StrEnum):
    """Where the answer was given."""

    CITIZEN_PAGE = "citizen_page"
    OFFICER_AT_COUNTER = "officer_at_counter"


class GivenBy(StrEnum):
    """Who answered (Law 91/2025 Art 24)."""

    SELF = "self"
    REPRESENTATIVE = "representative"
    BOTH = "both"


class EndReason(StrEnum):
    """Why a legal-basis grant ended."""

    DOSSIER_CLOSED = "dossier_closed"
    RULE_ENDED = "rule_ended"
    OFFICER = "officer"
    REPLACED = "replaced"


@dataclass(frozen=True)
class Recipient:
    """To whom a release grant gives the right: one client, for one agency, in one dossier, about one party."""

    sub: str
    sector: str
    client_id: str
    agency_uid: str
    agency_name: str
    dossier_uid: DossierUid
    party_uid: PartyUid


@dataclass(frozen=True)
class Ground:
    """What a grant stands on: a rule version of the law, or a purpose version she agreed to."""

    rule_id: str | None = None
    rule_version: int | None = None
    letter: str | None = None
    purpose_id: str | None = None
    purpose_version: int | None = None
    legal_refs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.rule_id is None) == (self.purpose_id is None):
            raise ValueError("a grant stands on a rule or on a purpose")


@dataclass(frozen=True)
class Giving:
    """How the right was given: where, by whom, and through which request if she answered a page."""

    origin: Origin
    given_by: GivenBy
    represented_by: PartyUid | None = None
    request_id: UUID | None = None


@dataclass(frozen=True)
class Grant:
    """One grant in one version of its life. A retention grant has no recipient.

    `effective_by` is named by the statement that confirms a withdrawal, and by nothing else.
    """

    grant_id: GrantId
    subject_id: SubjectId
    recipient: Recipient | None
    attributes: tuple[AttributeId, ...]
    opted_out: tuple[AttributeId, ...]
    ground: Ground
    giving: Giving
    receipt_id: ReceiptId
    valid_from: datetime
    valid_until: datetime | None
    use_budget: int | None = None
    version: int = 1
    state: GrantState = GrantState.GRANTED
    withdrawn_at: datetime | None = None
    effective_by: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    end_note: str | None = None

    @property
    def kind(self) -> Basis:
        """Say whether it stands on law or on consent."""
        return Basis.LEGAL_BASIS if self.ground.rule_id else Basis.CONSENT

    @property
    def scope(self) -> Scope:
        """Say whether it leads to one recipient or to keeping."""
        return Scope.RELEASE if self.recipient else Scope.RETENTION

    def withdraw(self, now: datetime) -> "Grant":
        """Take the agreement back. Raises `StandsOnLaw` or `IllegalTransition`."""
        if self.kind is Basis.LEGAL_BASIS:
            raise StandsOnLaw("The law gives the procedure this right; it ends with its dossier.")
        return self._move(GrantMove.WITHDRAW, withdrawn_at=now)

    def end(self, now: datetime, reason: EndReason, note: str | None = None) -> "Grant":
        """End a right of law (R11). Raises `StandsOnConsent` or `IllegalTransition`."""
        if self.kind is Basis.CONSENT:
            raise StandsOnConsent
        return self._move(GrantMove.END, ended_at=now, end_reason=reason, end_note=note)

    def run_out(self, now: datetime) -> "Grant":
        """End what is past `valid_until`: a consent expires, a right of law ends with its rule."""
        if self.kind is Basis.LEGAL_BASIS:
            return self.end(now, EndReason.RULE_ENDED)
        return self._move(GrantMove.EXPIRE, ended_at=now)

    def _move(self, move: GrantMove, **changes: object) -> "Grant":
        state = after(GRANT_TRANSITIONS, self.state, move)
        return replace(self, state=state, version=self.version + 1, **changes)


@dataclass(frozen=True)
class Choice:
    """What one decision says about one ground: the attributes that may be used and those she hands in herself."""

    attributes: frozenset[AttributeId]
    opted_out: frozenset[AttributeId]

    @classmethod
    def of(cls, *, continued: Iterable[AttributeId], self_submitted: Iterable[AttributeId]) -> "Choice":
        """An attribute that one item continues is not opted out by another item that names it too."""
        allowed = frozenset(continued)
        return cls(allowed, frozenset(self_submitted) - allowed)

    def upon(self, earlier: Grant | None) -> "Choice":
        """Lay this choice over an earlier one for the same dossier and rule: the newer word counts, the rest stays."""
        if earlier is None:
            return self
        attributes = (set(earlier.attributes) - self.opted_out) | self.attributes
        opted_out = (set(earlier.opted_out) - self.attributes) | self.opted_out
        return Choice(frozenset(attributes), frozenset(opted_out - attributes))

    def is_that_of(self, grant: Grant) -> bool:
        """Say whether a grant says the same already."""
        return (set(grant.attributes), set(grant.opted_out)) == (self.attributes, self.opted_out)
