"""What reuse's routes are sent and what they answer; the contract is the OpenAPI document made of this."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from services.reuse.domain.dossier import Component, Dossier, Party
from services.reuse.domain.opening import DeclaredParty
from services.reuse.domain.plan import AttributePlan, Outcome, PlanItem
from services.reuse.domain.verdict import Deposit, Verdict
from services.reuse.domain.words import AgencyName, Words
from services.reuse.service.dossiers import Application, Viewed
from services.reuse.service.plan import Plan
from services.reuse.service.release import Released
from shared.errors import Fault
from shared.http import Body, View


def _no_persons_number(ref: str) -> str:
    """Refuse what could be somebody's number: references enter events and the log for good."""
    if ref.isdigit() and len(ref) in (9, 12):
        raise ValueError("a bare number of 9 or 12 digits")
    return ref


Ref = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", max_length=64),
    AfterValidator(_no_persons_number),
]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$", max_length=60)]
AgencyUid = Annotated[str, StringConstraints(pattern=r"^ag-[0-9]{6}$", max_length=9)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=60)]
ProcedureCode = Annotated[str, StringConstraints(pattern=r"^[1-6]\.[0-9]{6}$", max_length=8)]
# Agency, day, that agency's serial of the day (Decision 20/2020/QĐ-TTg and the older QCVN 102:2016).
OfficialCode = Annotated[
    str,
    StringConstraints(
        pattern=r"^([0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}|[A-Z][0-9]{2}(\.[0-9]{1,3}){0,5})"
        r"-([0-9]{6}|[0-9]{8})-[0-9]{4,7}$",
        max_length=60,
    ),
]


class NewParty(Body):
    """One person of a new dossier; `ref` is the client's own name for her within it."""

    ref: Ref | None = None
    roles: Annotated[list[Name], Field(min_length=1, max_length=10)]
    represented_by: Ref | None = None

    def declared(self) -> DeclaredParty:
        """Return it as the domain has it."""
        return DeclaredParty(self.ref, tuple(dict.fromkeys(self.roles)), self.represented_by)


class NewDossier(Body):
    """An application, as the client opens it. Facts and roles decide what is asked; nothing else does."""

    client_ref: Ref
    procedure: ProcedureCode
    case: Annotated[str, Field(max_length=60)] | None = None
    facts: Annotated[dict[Name, bool | Annotated[str, Field(max_length=60)]], Field(max_length=50)] = Field(default={})
    channel: Literal["online", "counter", "post"]
    receiving: AgencyUid
    competent: AgencyUid
    supporting: AgencyUid | None = None
    parties: Annotated[list[NewParty], Field(min_length=1, max_length=20)]
    parent_uid: UUID | None = None

    def application(self) -> Application:
        """Return it as the use case takes it."""
        return Application(
            client_ref=self.client_ref,
            procedure=self.procedure,
            case=self.case,
            facts=self.facts,
            channel=self.channel,
            receiving=self.receiving,
            competent=self.competent,
            supporting=self.supporting,
            parties=[each.declared() for each in self.parties],
            parent_uid=self.parent_uid,
        )


class Receipt(Body):
    """The dossier was received under this official code."""

    official_code: OfficialCode


class Closure(Body):
    """How the dossier ended, as a code such as `granted`."""

    outcome: Code


class Collection(Body):
    """Whose data to collect."""

    party_uid: UUID


class ReleaseRequest(Body):
    """Whose data to release; without components all that can be."""

    party_uid: UUID
    component_ids: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None


class Acceptance(Body):
    """Nothing has to be said to accept."""


class Rejection(Body):
    """Why the officer does not accept, as a code: free words could name somebody."""

    reason: Code


class NewResult(Body):
    """What the procedure ended in."""

    party_uid: UUID
    result_type: Annotated[str, Field(min_length=1, max_length=60)]
    value: JsonValue


class AgencyView(View):
    """Who acts in law, by the name of that time."""

    uid: str
    name: str

    @classmethod
    def of(cls, agency: AgencyName) -> Self:
        """Show an agency."""
        return cls(uid=agency.uid, name=agency.name)


class WordsView(View):
    """A text in both languages."""

    vi: str
    en: str

    @classmethod
    def of(cls, words: Words) -> Self:
        """Show a text."""
        return cls(vi=words.vi, en=words.en)


class PartyView(View):
    """One person of a dossier; never who she is."""

    party_uid: UUID
    ref: str | None
    roles: list[str]
    represented_by: UUID | None

    @classmethod
    def of(cls, party: Party) -> Self:
        """Show a party."""
        return cls(
            party_uid=party.party_uid, ref=party.ref, roles=list(party.roles), represented_by=party.represented_by
        )


class DocumentView(View):
    """The paper a component stands for."""

    code: str
    vi: str
    en: str


class RuleView(View):
    """The pinned version of a legal basis."""

    id: str
    version: int
    letter: str
    legal_refs: list[str]
    ends_on: date | None


class PurposeView(View):
    """The pinned version of a purpose that she is asked to agree to."""

    id: str
    version: int


class ComponentView(View):
    """One thing the pinned procedure asks of one party; without a basis it is a paper to hand in."""

    component_id: str
    party_uid: UUID
    document: DocumentView
    attributes: list[str]
    sources: list[str]
    basis: Literal["legal_basis", "consent"] | None
    rule: RuleView | None
    purpose: PurposeView | None
    data_class: str | None
    max_age_days: int | None

    @classmethod
    def of(cls, component: Component) -> Self:
        """Show a component."""
        rule, purpose, document = component.rule, component.purpose, component.document
        return cls(
            component_id=component.component_id,
            party_uid=component.party_uid,
            document=DocumentView(code=component.document_code, vi=document.vi, en=document.en),
            attributes=sorted(component.attributes),
            sources=list(component.sources),
            basis=component.basis,
            rule=RuleView(
                id=rule.id, version=rule.version, letter=rule.letter, legal_refs=list(rule.legal_refs),
                ends_on=rule.ends_on,
            ) if rule else None,
            purpose=PurposeView(id=purpose[0], version=purpose[1]) if purpose else None,
            data_class=component.data_class,
            max_age_days=component.max_age_days,
        )  # fmt: skip


class DossierView(View):
    """A dossier as its client sees it."""

    dossier_uid: UUID
    client_ref: str
    official_code: str | None
    state: Literal["draft", "received", "closed"]
    outcome: str | None
    procedure: str
    procedure_name: WordsView
    procedure_version: int
    case: str
    channel: Literal["online", "counter", "post"]
    receiving: AgencyView
    competent: AgencyView
    supporting: AgencyView | None
    parent_uid: UUID | None
    opened_at: datetime
    dies_at: datetime
    parties: list[PartyView]
    components: list[ComponentView]

    @classmethod
    def of(cls, dossier: Dossier) -> Self:
        """Show a dossier."""
        return cls(
            dossier_uid=dossier.dossier_uid,
            client_ref=dossier.client_ref,
            official_code=dossier.official_code,
            state=dossier.state.value,
            outcome=dossier.outcome,
            procedure=dossier.procedure,
            procedure_name=WordsView.of(dossier.procedure_name),
            procedure_version=dossier.procedure_version,
            case=dossier.case_id,
            channel=dossier.channel,
            receiving=AgencyView.of(dossier.receiving),
            competent=AgencyView.of(dossier.competent),
            supporting=AgencyView.of(dossier.supporting) if dossier.supporting else None,
            parent_uid=dossier.parent_uid,
            opened_at=dossier.opened_at,
            dies_at=dossier.dies_at,
            parties=[PartyView.of(each) for each in dossier.parties],
            components=[ComponentView.of(each) for each in dossier.components],
        )


class PapersView(View):
    """How many papers the procedure asks for, and how many were not asked for of the citizen: accepted ones only."""

    asked_by_procedure: int
    not_asked_for: int


class JudgedDossierView(View):
    """A dossier with the officer's last word on each component that was judged."""

    dossier: DossierView
    verdicts: Mapping[str, Literal["accepted", "rejected"]]
    papers: PapersView

    @classmethod
    def of(cls, viewed: Viewed) -> Self:
        """Show what came of a dossier."""
        papers = PapersView(asked_by_procedure=viewed.papers.papers, not_asked_for=viewed.papers.not_asked_for)
        return cls(dossier=DossierView.of(viewed.dossier), verdicts=viewed.verdicts, papers=papers)


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


class ReleaseView(View):
    """A signed release (JWS `release+jwt`, keys at /reuse/jwks) with what it is about."""

    release_id: UUID
    released_at: datetime
    components: list[str]
    release: str

    @classmethod
    def of(cls, released: Released) -> Self:
        """Show a release."""
        return cls(
            release_id=released.release_id,
            released_at=released.released_at,
            components=list(released.components),
            release=released.jws,
        )


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


class InsideDossierView(View):
    """A dossier as identity and consent need it."""

    dossier_uid: UUID
    client_id: str
    client_ref: str
    official_code: str | None
    state: Literal["draft", "received", "closed"]
    procedure: str
    procedure_name: WordsView
    procedure_version: int
    case: str
    channel: str
    receiving: AgencyView
    competent: AgencyView
    supporting: AgencyView | None
    opened_at: datetime
    parties: list[PartyView]
    components: list[ComponentView]

    @classmethod
    def of(cls, dossier: Dossier, now: datetime) -> Self:
        """Show a dossier; one that died as a draft is closed to everybody, whether or not it was swept yet (R3)."""
        public = DossierView.of(dossier)
        return cls(
            client_id=dossier.client_id,
            state="closed" if dossier.is_over(now) else public.state,
            **{name: getattr(public, name) for name in cls.model_fields if name not in ("client_id", "state")},
        )
