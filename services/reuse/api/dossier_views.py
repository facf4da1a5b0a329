"""How dossiers are shown: to their client, and to identity and consent."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from services.reuse.domain.agency import AgencyName
from services.reuse.domain.dossier import Component, Dossier, Party
from services.reuse.service.dossiers import Viewed
from shared.http import View
from shared.languages import Words


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
