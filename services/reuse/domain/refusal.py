"""Why a release is refused: found out afterwards, attribute by attribute, and told by a stable code (R8, R10, I11)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.reuse.domain.dossier import Component
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, GrantId
from services.reuse.domain.sources import Situation
from shared.errors import FieldError, Forbidden, Problem, Unavailable


class Reason(StrEnum):
    """Why one attribute may not go out; the first that applies is told."""

    GRANT_MISSING = "grant_missing"
    REFUSED_BY_CITIZEN = "refused_by_citizen"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_EXPIRED = "consent_expired"
    LEGAL_BASIS_ENDED = "legal_basis_ended"
    OTHER_AGENCY = "grant_for_another_agency"
    USES_SPENT = "grant_uses_spent"
    KEEPING_WITHDRAWN = "keeping_withdrawn"
    KEEPING_EXPIRED = "keeping_expired"
    NOT_HELD = "evidence_not_held"
    STALE = "evidence_stale"


class ReleaseRefused(Forbidden):
    """There is no right to it, or nothing is held for it; the code is that of the first attribute."""


class GrantMissing(ReleaseRefused):
    """No grant names the attribute for this dossier (R8)."""

    code = "grant_missing"


class RefusedByCitizen(ReleaseRefused):
    """She hands it in herself."""

    code, fault = "refused_by_citizen", "citizen"


class ConsentWithdrawn(ReleaseRefused):
    """She has withdrawn the consent it would be released under (R10)."""

    code, fault = "consent_withdrawn", "citizen"


class ConsentExpired(ReleaseRefused):
    """The time she agreed to is over."""

    code, fault = "consent_expired", "citizen"


class LegalBasisEnded(ReleaseRefused):
    """The legal basis has ended for this dossier (R11)."""

    code = "legal_basis_ended"


class OtherAgency(ReleaseRefused):
    """The grant is for another agency than the one that acts (R8)."""

    code = "grant_for_another_agency"


class UsesSpent(ReleaseRefused):
    """The grant was for so many uses, and they are used."""

    code = "grant_uses_spent"


class KeepingWithdrawn(ReleaseRefused):
    """The evidence was kept because she had agreed to it, and she has withdrawn that (R10)."""

    code, fault = "keeping_withdrawn", "citizen"


class KeepingExpired(ReleaseRefused):
    """The evidence was kept for as long as she had agreed to."""

    code, fault = "keeping_expired", "citizen"


class NotHeld(ReleaseRefused):
    """Nothing is held that covers this dossier: collect first (R8)."""

    code = "evidence_not_held"


class Stale(ReleaseRefused):
    """What is held is too old, or not sure enough, for this component: collect again."""

    code = "evidence_stale"


class ConsentStatusUnknown(Unavailable):
    """Whether the grants still stand cannot be known surely enough right now; nothing is released on a guess."""

    code = "consent_status_unknown"


class ClockSkew(Unavailable):
    """This service's clock and consent's differ by too much, or nobody could compare them for a while."""

    code = "clock_skew"


class LogUnsealed(Unavailable):
    """Our events have not reached the log for too long: no use without proof."""

    code = "log_unsealed"


PROBLEMS: Mapping[Reason, type[Problem]] = {
    Reason.GRANT_MISSING: GrantMissing,
    Reason.REFUSED_BY_CITIZEN: RefusedByCitizen,
    Reason.CONSENT_WITHDRAWN: ConsentWithdrawn,
    Reason.CONSENT_EXPIRED: ConsentExpired,
    Reason.LEGAL_BASIS_ENDED: LegalBasisEnded,
    Reason.OTHER_AGENCY: OtherAgency,
    Reason.USES_SPENT: UsesSpent,
    Reason.KEEPING_WITHDRAWN: KeepingWithdrawn,
    Reason.KEEPING_EXPIRED: KeepingExpired,
    Reason.NOT_HELD: NotHeld,
    Reason.STALE: Stale,
}


@dataclass(frozen=True)
class Missing:
    """One attribute of one component that cannot go out."""

    component_id: str
    attribute: AttributeId
    reason: Reason


def why_not(components: Sequence[Component], at: Situation, *, spent: frozenset[GrantId]) -> list[Missing]:
    """Return what stands in the way of releasing these components; `spent` are grants whose uses are used."""
    return [
        Missing(component.component_id, attribute, reason)
        for component in components
        for attribute in component.attributes
        if (reason := _why_not(component, attribute, at, spent))
    ]


def refusal(missing: Sequence[Missing]) -> Problem:
    """Make the problem that names the first reason as its code, and each attribute with its own."""
    errors = [FieldError(f"/components/{m.component_id}/{m.attribute}", m.reason) for m in missing]
    return PROBLEMS[missing[0].reason](errors=errors)


def _why_not(component: Component, attribute: AttributeId, at: Situation, spent: frozenset[GrantId]) -> Reason | None:
    naming = [g for g in at.release_grants if attribute in g.attributes]
    valid = [g for g in naming if g.is_valid(at.now)]
    if not valid:
        return _without_grant(attribute, naming, at)
    if all(g.grant_id in spent for g in valid):
        return Reason.USES_SPENT
    if at.find_suiting(component, attribute):
        return None
    return Reason.STALE if any(at.usable(attribute)) else _not_held(attribute, at)


def _without_grant(attribute: AttributeId, naming: list[Grant], at: Situation) -> Reason:
    if any(attribute in g.opted_out for g in at.release_grants if g.is_valid(at.now)):
        return Reason.REFUSED_BY_CITIZEN
    last = max(naming, key=lambda g: (g.valid_from, g.version), default=None)
    if last is None:
        return Reason.OTHER_AGENCY if at.find_grant_to_any(attribute) else Reason.GRANT_MISSING
    if last.state == "withdrawn":
        return Reason.CONSENT_WITHDRAWN
    return Reason.LEGAL_BASIS_ENDED if last.kind == "legal_basis" else Reason.CONSENT_EXPIRED


def _not_held(attribute: AttributeId, at: Situation) -> Reason:
    keeping = [g for g in at.grants if g.scope == "retention" and attribute in g.attributes]
    last = max(keeping, key=lambda g: (g.valid_from, g.version), default=None)
    if last is None or last.is_valid(at.now):
        return Reason.NOT_HELD
    return Reason.KEEPING_WITHDRAWN if last.state == "withdrawn" else Reason.KEEPING_EXPIRED
