"""Opens a request at `consent`, reads what became of it, and asks how grants stand that no event has told of yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, ValidationError

from services.identity.domain.flow import Flow
from services.identity.domain.grant import ReleaseGrant
from services.identity.domain.ids import DossierUid, PartyUid, RequestId, SubjectId
from shared import grant_states, log
from shared.events import written
from shared.inside import CallerRefused, CallRefused, ServiceClient
from shared.keys import Trust

_WITHIN = 2.0  # seconds, for a question that is asked while our own caller waits


class Answer(StrEnum):
    """What became of a consent request."""

    REQUESTED = "requested"
    DECIDED = "decided"
    ABANDONED = "abandoned"
    LAPSED = "lapsed"


@dataclass(frozen=True)
class Ticket:
    """Leads one browser to the consent page, once, within a minute."""

    request_id: RequestId
    ticket: str
    entry_url: str


@dataclass(frozen=True)
class Decision:
    """What she answered, and which attributes may be released on it."""

    answer: Answer
    granted: tuple[str, ...]


@dataclass(frozen=True)
class Asker:
    """What `consent` is told beside the flow: who asks, and by which identifier it knows her."""

    client_name: str
    sub: str
    sector: str


class _Opened(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    request_id: UUID
    ticket: str
    entry_url: str


class _Decision(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    state: Answer
    granted_attributes: list[str]


class _Grant(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    grant_id: UUID
    version: int
    state: str
    scope: str
    subject_id: UUID
    dossier_uid: UUID | None
    party_uid: UUID | None
    attributes: tuple[str, ...]
    request_id: UUID | None
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None


def read_grant(told: Mapping[str, JsonValue]) -> ReleaseGrant | None:
    """Read a grant as events and assertions write it; raises ValidationError (a ValueError).

    None for a right to keep, which lets nothing be collected.
    """
    grant = _Grant.model_validate(told)
    if grant.scope != "release" or grant.dossier_uid is None or grant.party_uid is None:
        return None
    return ReleaseGrant(
        grant_id=grant.grant_id,
        version=grant.version,
        subject_id=SubjectId(grant.subject_id),
        dossier_uid=DossierUid(grant.dossier_uid),
        party_uid=PartyUid(grant.party_uid),
        request_id=RequestId(grant.request_id) if grant.request_id else None,
        attributes=grant.attributes,
        standing=grant.state == "granted",
        valid_from=grant.valid_from,
        valid_until=grant.valid_until,
    )


class ConsentClient:
    """Speaks to `consent`."""

    def __init__(self, client: ServiceClient, trust: Trust) -> None:
        self._client = client
        self._trust = trust

    async def open_request(self, flow: Flow, asker: Asker, *, return_url: str) -> Ticket:
        """Open the consent request of a login, or get another ticket for the one that is open.

        Raises what consent refuses with (RemoteProblem), or Unavailable.
        """
        who, login, request = flow.logged_in(), flow.asked(), flow.request
        told = await self._client.post(
            "/internal/requests",
            {
                "flow_id": str(flow.flow_id),
                "browser_hash": flow.browser_hash.hex(),
                "client_id": request.client_id,
                "client_name": asker.client_name,
                "agency_uid": login.agency_uid,
                "dossier_uid": str(login.dossier_uid),
                "party_uid": str(login.party_uid),
                "subject_id": str(who.subject_id),
                "sub": asker.sub,
                "sector": asker.sector,
                "login_id": str(who.login_id),
                "auth_time": written(who.auth_time),
                "acr": who.acr,
                "account_level": who.account_level,
                "capacity": who.capacity.value,
                "attributes": list(login.attributes),
                "redirect_origin": request.redirect_origin,
                "return_url": return_url,
            },
            idempotent=True,
        )
        opened = _Opened.model_validate(told)
        return Ticket(RequestId(opened.request_id), opened.ticket, opened.entry_url)

    async def read_decision(self, request_id: RequestId) -> Decision:
        """Read what became of a request. Raises Unavailable when `consent` does not answer."""
        told = await self._client.get(f"/internal/requests/{request_id}/decision")
        read = _Decision.model_validate(told)
        return Decision(read.state, tuple(sorted(read.granted_attributes)))

    async def ask_grants(self, subject_id: SubjectId, dossier_uid: DossierUid) -> list[ReleaseGrant] | None:
        """Return the release grants that stand for her in a dossier; None where an older `consent` tells only reuse.

        Raises Unavailable when `consent` does not answer, and CallRefused when the answer is not its own.
        """
        whose = {"subject_id": str(subject_id), "dossier_uid": str(dossier_uid)}
        try:
            told = await self._client.post(
                "/internal/grants/states", {"grant_ids": [], **whose}, idempotent=True, within=_WITHIN
            )
        except CallerRefused:
            log.warning("grants_not_told")
            return None
        claims = grant_states.verify(str(told.get("assertion")), audience="identity", trust=self._trust)
        try:
            grants = [grant for each in claims.grants if (grant := read_grant(each))]
        except ValidationError as error:
            raise CallRefused("consent's state assertion tells of no grant we know") from error
        if any((each.subject_id, each.dossier_uid) != (subject_id, dossier_uid) for each in grants):
            raise CallRefused("consent's state assertion is about somebody else")
        return grants
