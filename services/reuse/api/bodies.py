"""What reuse's routes are sent; the contract is the OpenAPI document made of this."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from services.reuse.domain.opening import DeclaredParty
from services.reuse.service.dossiers import Application
from shared.bodies import Body, Json, NoPersonsNumber

Ref = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", max_length=64),
    NoPersonsNumber,
]
# Words, not numbers: a code enters events and the log for good, and a number there could be somebody's.
Code = Annotated[str, StringConstraints(pattern=r"^[a-z]+[0-9]{0,3}(_[a-z]+[0-9]{0,3}|_[0-9]{1,3})*$", max_length=60)]
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
    value: Json
