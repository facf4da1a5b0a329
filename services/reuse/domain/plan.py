"""The plan: of each component whether it can be reused, what is missing, and who has to do what next. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.reuse.domain.dossier import Component
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId
from services.reuse.domain.lookup import MATCH_KEYS
from services.reuse.domain.sources import Readiness, Situation, readiness
from shared.errors import Fault


class Outcome(StrEnum):
    """What the plan says, in the order in which one attribute's word decides for its whole component."""

    MUST_BE_SUBMITTED = "must_be_submitted"
    REFUSED_BY_CITIZEN = "refused_by_citizen"
    REPRESENTATION_REQUIRED = "representation_required"
    AWAITING_PERSON = "awaiting_person"
    LOGIN_AGAIN = "login_again"
    STEP_UP_NEEDED = "step_up_needed"
    NOT_AVAILABLE = "not_available"
    OFFICER_CHECK_NEEDED = "officer_check_needed"
    SOURCE_FAULT = "source_fault"
    FETCHABLE = "fetchable"
    REUSABLE = "reusable"


_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}
_SUBMIT = {Outcome.MUST_BE_SUBMITTED, Outcome.REFUSED_BY_CITIZEN, Outcome.NOT_AVAILABLE}
FAULT: Mapping[Outcome, Fault] = {
    Outcome.STEP_UP_NEEDED: "citizen",
    Outcome.OFFICER_CHECK_NEEDED: "source",
    Outcome.SOURCE_FAULT: "source",
}
FULL_ACCOUNT_LEVEL = 2  # Decree 69/2024: level 1 was never checked in person


@dataclass(frozen=True)
class AttributePlan:
    """What is true of one attribute, and why; source and age only where it is at hand."""

    attribute: AttributeId
    outcome: Outcome
    reason: str | None = None
    source: str | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True)
class PlanItem:
    """What is true of one component for one party."""

    component: Component
    outcome: Outcome
    attributes: tuple[AttributePlan, ...] = ()

    @property
    def submit(self) -> bool:
        """Say whether the paper has to be handed in; what is no paper never has to be."""
        return self.outcome in _SUBMIT and not self.component.optional

    @property
    def fault(self) -> Fault | None:
        """Say whose fault it is, where it is anybody's (I11)."""
        return FAULT.get(self.outcome)

    @property
    def retryable(self) -> bool:
        """Say whether collecting again may help without anybody doing anything."""
        return self.outcome is Outcome.SOURCE_FAULT

    @property
    def reason(self) -> str | None:
        """Return why, in a word, of the attribute that decided."""
        return next((a.reason for a in self.attributes if a.outcome is self.outcome and a.reason), None)


def plan_party(at: Situation) -> Iterator[PlanItem]:
    """Plan every component of one party."""
    for component in at.dossier.components_of(at.party.party_uid):
        yield plan_component(component, at)


def plan_component(component: Component, at: Situation) -> PlanItem:
    """Plan one component: the attribute that is worst off decides."""
    if component.basis is None:
        return PlanItem(component, Outcome.MUST_BE_SUBMITTED)
    attributes = tuple(_plan_attribute(component, attribute, at) for attribute in component.attributes)
    return PlanItem(component, min((a.outcome for a in attributes), key=lambda o: _RANK[o]), attributes)


def _plan_attribute(component: Component, attribute: AttributeId, at: Situation) -> AttributePlan:
    if at.person.bound_subject is None:
        waiting = "decision_pending" if at.person.state == "reserved" else "not_identified"
        return AttributePlan(attribute, Outcome.AWAITING_PERSON, waiting)
    if at.find_grant(attribute) is None:  # before that nothing is told of what is held (R13)
        return _without_grant(component, attribute, at)
    if evidence := at.find_suiting(component, attribute):
        return AttributePlan(attribute, Outcome.REUSABLE, None, evidence.source, evidence.verified_at)
    if _needs_step_up(component, attribute, at):
        return AttributePlan(attribute, Outcome.STEP_UP_NEEDED, "account_level")
    return _from_sources(component, attribute, at)


def _without_grant(component: Component, attribute: AttributeId, at: Situation) -> AttributePlan:
    naming = [g for g in at.release_grants if attribute in g.attributes and not g.is_valid(at.now)]
    if any(attribute in g.opted_out and g.is_valid(at.now) for g in at.release_grants):
        return AttributePlan(attribute, Outcome.REFUSED_BY_CITIZEN, "self_submit")
    if naming:
        return _after_its_end(attribute, naming)
    if at.person.capacity != "self":
        return AttributePlan(attribute, Outcome.REPRESENTATION_REQUIRED, at.person.capacity)
    if at.person.identified_by == "login" and component.basis == "consent":
        if at.person.identified_for in (at.agency_uid, None):
            return AttributePlan(attribute, Outcome.REFUSED_BY_CITIZEN, "not_agreed")
        return AttributePlan(attribute, Outcome.LOGIN_AGAIN, "not_asked_for")  # another agency has asked, if any
    if at.person.identified_by == "login" and at.release_grants:
        return AttributePlan(attribute, Outcome.LOGIN_AGAIN, "not_asked_for")
    return AttributePlan(attribute, Outcome.AWAITING_PERSON, "not_decided")


def _after_its_end(attribute: AttributeId, ended: list[Grant]) -> AttributePlan:
    last = max(ended, key=lambda g: (g.valid_from, g.version))
    if last.state == "withdrawn":
        return AttributePlan(attribute, Outcome.REFUSED_BY_CITIZEN, "withdrawn")
    if last.kind == "legal_basis":
        return AttributePlan(attribute, Outcome.MUST_BE_SUBMITTED, "legal_basis_ended")
    return AttributePlan(attribute, Outcome.LOGIN_AGAIN, "consent_expired")


def _needs_step_up(component: Component, attribute: AttributeId, at: Situation) -> bool:
    """Say whether she logged in, but with an account that was never checked in person."""
    return any(
        held.evidence.origin == "vneid"
        and (held.evidence.level or 0) < FULL_ACCOUNT_LEVEL
        and held.evidence.value_grade < (component.min_grade or "L0")
        for held in at.usable(attribute)
    )


def _from_sources(component: Component, attribute: AttributeId, at: Situation) -> AttributePlan:
    ready = readiness(component, attribute, at)
    if source := next((s for s, r in ready.items() if r is Readiness.READY), None):
        return AttributePlan(attribute, Outcome.FETCHABLE, None, source)
    states = set(ready.values())
    if Readiness.OFFICER in states:
        return AttributePlan(attribute, Outcome.OFFICER_CHECK_NEEDED, "not_quite_the_same")
    if Readiness.FAILED in states:
        return AttributePlan(attribute, Outcome.SOURCE_FAULT, "unavailable")
    if Readiness.NO_KEYS in states and _keys_are_refused(at):
        return AttributePlan(attribute, Outcome.NOT_AVAILABLE, "match_keys_refused")
    if Readiness.NO_KEYS in states and at.person.identified_by == "officer_check":
        return AttributePlan(attribute, Outcome.OFFICER_CHECK_NEEDED, "match_keys_missing")
    if states and states <= {Readiness.LOGIN, Readiness.NO_KEYS}:
        return AttributePlan(attribute, Outcome.LOGIN_AGAIN, "login_used_up")
    return AttributePlan(attribute, Outcome.NOT_AVAILABLE, "not_found")


def _keys_are_refused(at: Situation) -> bool:
    return any(key in grant.opted_out for grant in at.release_grants for key in MATCH_KEYS)
