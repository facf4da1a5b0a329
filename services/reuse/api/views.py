"""How plans, releases, verdicts and results are shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from services.reuse.api.dossier_views import DocumentView
from services.reuse.domain.plan import AttributePlan, Outcome, PlanItem
from services.reuse.domain.verdict import Deposit, Verdict
from services.reuse.service.plan import Plan
from services.reuse.service.release import Released
from shared.errors import Fault
from shared.http import View


class AttributePlanView(View):
    """What is true of one attribute; source and time only where it is at hand."""

    attribute: str
    outcome: Outcome
    reason: str | None
    source: str | None
    verified_at: datetime | None

    @classmethod
    def of(cls, planned: AttributePlan) -> Self:
        """Show the plan of an attribute."""
        return cls(
            attribute=planned.attribute,
            outcome=planned.outcome,
            reason=planned.reason,
            source=planned.source,
            verified_at=planned.verified_at,
        )


class PlanItemView(View):
    """What is true of one component for one party, whether its paper has to be handed in, and whose fault it is."""

    component_id: str
    party_uid: UUID
    document: DocumentView
    outcome: Outcome
    submit: bool
    reason: str | None
    fault: Fault | None
    retryable: bool
    attributes: list[AttributePlanView]

    @classmethod
    def of(cls, item: PlanItem) -> Self:
        """Show the plan of a component."""
        component = item.component
        document = component.document
        return cls(
            component_id=component.component_id,
            party_uid=component.party_uid,
            document=DocumentView(code=component.document_code, vi=document.vi, en=document.en),
            outcome=item.outcome,
            submit=item.submit,
            reason=item.reason,
            fault=item.fault,
            retryable=item.retryable,
            attributes=[AttributePlanView.of(each) for each in item.attributes],
        )


class PlanView(View):
    """The plan of a dossier, or of one party of it."""

    dossier_uid: UUID
    components: list[PlanItemView]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Show a plan."""
        return cls(dossier_uid=plan.dossier.dossier_uid, components=[PlanItemView.of(each) for each in plan.items])


class CollectedView(View):
    """The plan of one party after collecting."""

    dossier_uid: UUID
    party_uid: UUID
    components: list[PlanItemView]

    @classmethod
    def of(cls, dossier_uid: UUID, party_uid: UUID, items: Sequence[PlanItem]) -> Self:
        """Show what came of collecting."""
        return cls(dossier_uid=dossier_uid, party_uid=party_uid, components=[PlanItemView.of(each) for each in items])


class ReleaseView(View):
    """A signed release (JWS `release+jwt`, keys at /reuse/jwks) with what it is about."""

    release_id: UUID
    released_at: datetime
    components: list[str]
    release: str
    replay_of: UUID | None

    @classmethod
    def of(cls, released: Released) -> Self:
        """Show a release."""
        return cls(
            release_id=released.release_id,
            released_at=released.released_at,
            components=list(released.components),
            release=released.jws,
            replay_of=released.replay_of,
        )


class KeptReleaseView(View):
    """What is kept of a release under an Idempotency-Key: which it was, and nothing that it carried."""

    release_id: UUID


class VerdictView(View):
    """The officer's word, and the release it is about; without one a paper was handed in."""

    verdict_id: UUID
    component_id: str
    outcome: Literal["accepted", "rejected"]
    reason: str | None
    release_id: UUID | None

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """Show a verdict."""
        return cls(
            verdict_id=verdict.verdict_id,
            component_id=verdict.component_id,
            outcome=verdict.outcome,
            reason=verdict.reason,
            release_id=verdict.release_id,
        )


class ResultView(View):
    """A deposited result, by the evidence it became."""

    result_id: UUID
    evidence_id: UUID
    attribute: str
    result_type: str

    @classmethod
    def of(cls, deposit: Deposit) -> Self:
        """Show a deposit."""
        return cls(
            result_id=deposit.result_id,
            evidence_id=deposit.evidence_id,
            attribute=deposit.attribute,
            result_type=deposit.result_type,
        )
