"""Opens a request at `consent`, and reads what became of it."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.identity.domain.flow import Flow
from services.identity.domain.ids import RequestId
from shared.events import written
from shared.inside import ServiceClient


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


class ConsentClient:
    """Speaks to `consent`."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

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
