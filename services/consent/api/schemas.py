"""The bodies and answers of consent's HTTP interface."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.consent.domain.asked import Asked
from services.consent.domain.dossier import Basis, Capacity
from services.consent.domain.grant import EndReason, Grant
from services.consent.domain.ids import AttributeId, DossierUid, PartyUid, SubjectId
from services.consent.domain.request import Login, Way
from services.consent.domain.states import GrantState, RequestState
from services.consent.service.legal_basis import Case
from services.consent.service.request import Decision, Opened
from shared.bodies import Body, View

Name = Annotated[str, Field(min_length=1, max_length=300)]
Attribute = Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$", max_length=100)]
Attributes = Annotated[list[Attribute], Field(max_length=100)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class NewRequest(Body):
    """A login that succeeded: who, for which party of which dossier, and what is asked."""

    flow_id: Annotated[str, Field(min_length=1, max_length=200)]
    browser_hash: Hash
    client_id: Annotated[str, Field(min_length=1, max_length=100)]
    client_name: Name
    agency_uid: Annotated[str, Field(min_length=1, max_length=100)]
    dossier_uid: UUID
    party_uid: UUID
    subject_id: UUID
    sub: Annotated[str, Field(min_length=1, max_length=200)]
    sector: Annotated[str, Field(min_length=1, max_length=100)]
    login_id: Annotated[str, Field(min_length=1, max_length=200)]
    auth_time: AwareDatetime
    acr: Annotated[str, Field(min_length=1, max_length=200)]
    account_level: Annotated[int, Field(ge=0, le=9)]
    capacity: Literal["self", "both", "representative"]
    attributes: Annotated[Attributes, Field(min_length=1)]
    redirect_origin: Annotated[str, Field(min_length=1, max_length=300)]
    return_url: Annotated[str, Field(min_length=1, max_length=2000)]

    def asked(self) -> Asked:
        """Turn the body into what the use case is given."""
        return Asked(
            flow_id=self.flow_id,
            client_id=self.client_id,
            client_name=self.client_name,
            agency_uid=self.agency_uid,
            subject_id=SubjectId(self.subject_id),
            sub=self.sub,
            sector=self.sector,
            dossier_uid=DossierUid(self.dossier_uid),
            party_uid=PartyUid(self.party_uid),
            capacity=Capacity(self.capacity),
            login=Login(self.login_id, self.auth_time, self.acr, self.account_level),
            way=Way(bytes.fromhex(self.browser_hash), self.redirect_origin, self.return_url),
            attributes=tuple(AttributeId(each) for each in self.attributes),
        )


class OpenedRequest(View):
    """Where to send the browser, and the ticket it has to post there within a minute."""

    request_id: UUID
    ticket: str
    entry_url: str

    @classmethod
    def of(cls, opened: Opened, own_url: str) -> "OpenedRequest":
        """Show an opened request."""
        return cls(request_id=opened.request.request_id, ticket=opened.ticket, entry_url=f"{own_url}/entry")


class DecisionView(View):
    """What became of a request."""

    request_id: UUID
    state: RequestState
    granted_attributes: list[str]
    grant_ids: list[UUID]

    @classmethod
    def of(cls, request_id: UUID, decision: Decision) -> "DecisionView":
        """Show a decision; attributes and grants are empty while there is none."""
        return cls(
            request_id=request_id,
            state=decision.state,
            granted_attributes=decision.granted_attributes,
            grant_ids=[grant.grant_id for grant in decision.grants],
        )


class StatesQuestion(Body):
    """Which grants the caller takes to stand; those that stand for the dossier and for keeping come along."""

    grant_ids: Annotated[list[UUID], Field(max_length=1000)]
    subject_id: UUID
    dossier_uid: UUID | None


class Assertion(View):
    """A signed state assertion (JWS `grant-states+jwt`)."""

    assertion: str


class Clock(View):
    """What consent's primary says the time is."""

    now: datetime


class NewLegalBasisDecision(Body):
    """A decision at the counter: for which party, what she hands in herself, and who speaks for her (R12)."""

    dossier_uid: UUID
    party_uid: UUID
    opted_out: Annotated[Attributes, Field(default_factory=list)]
    represented_by: UUID | None = None

    def case(self) -> Case:
        """Turn the body into what the use case is given."""
        opted_out = tuple(AttributeId(each) for each in self.opted_out)
        return Case(self.dossier_uid, self.party_uid, opted_out, self.represented_by)


class GrantView(View):
    """A grant as its client sees it: never the surrogate id of the citizen."""

    grant_id: UUID
    version: int
    state: GrantState
    kind: Basis
    sub: str
    agency_uid: str
    dossier_uid: UUID
    party_uid: UUID
    attributes: list[str]
    opted_out: list[str]
    rule_id: str | None
    rule_version: int | None
    letter: str | None
    legal_refs: list[str]
    given_by: Literal["self", "representative", "both"]
    represented_by: UUID | None
    valid_from: datetime
    valid_until: datetime | None
    ended_at: datetime | None
    end_reason: EndReason | None
    receipt_id: UUID

    @classmethod
    def of(cls, grant: Grant) -> "GrantView":
        """Show a release grant to its client."""
        to = grant.recipient
        if to is None:
            raise ValueError("what she lets us keep is shown to no client")
        return cls(
            grant_id=grant.grant_id,
            version=grant.version,
            state=grant.state,
            kind=grant.kind,
            sub=to.sub,
            agency_uid=to.agency_uid,
            dossier_uid=to.dossier_uid,
            party_uid=to.party_uid,
            attributes=list(grant.attributes),
            opted_out=list(grant.opted_out),
            rule_id=grant.ground.rule_id,
            rule_version=grant.ground.rule_version,
            letter=grant.ground.letter,
            legal_refs=list(grant.ground.legal_refs),
            given_by=grant.giving.given_by.value,
            represented_by=grant.giving.represented_by,
            valid_from=grant.valid_from,
            valid_until=grant.valid_until,
            ended_at=grant.ended_at,
            end_reason=grant.end_reason,
            receipt_id=grant.receipt_id,
        )


class LegalBasisDecision(View):
    """The grants under which the decision stands, each with its receipt at /consent/receipts/{receipt_id}."""

    grants: list[GrantView]

    @classmethod
    def of(cls, grants: list[Grant]) -> "LegalBasisDecision":
        """Show a decision."""
        return cls(grants=[GrantView.of(grant) for grant in grants])


class NewEnding(Body):
    """Why an officer ends a right of law, as a code: free words could name somebody; the agency's file has them."""

    reason: Annotated[
        str,
        Field(pattern=r"^[a-z]+(_[a-z]+)*$", min_length=3, max_length=60, examples=["opened_for_another_person"]),
    ]
