"""A consent request: what one citizen is told and asked for a dossier, until she answers, gives up or lets it lapse."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.consent.domain.ids import DossierUid, PartyUid, RequestId, SubjectId
from services.consent.domain.item import Answer, Item, check_answers
from services.consent.domain.notice import Notice
from services.consent.domain.states import REQUEST_TRANSITIONS, RequestMove, RequestState
from shared.errors import Conflict
from shared.transitions import after

LAPSES_AFTER = timedelta(minutes=13)
"""Counted from the login: `identity` drops what VNeID said two minutes later."""
TICKET_LIVES = timedelta(minutes=1)


class RequestLapsed(Conflict):
    """Her answer came too late: what VNeID said may no longer be used."""

    code = "consent_request_lapsed"
    fault = "citizen"


@dataclass(frozen=True)
class Asker:
    """Who asks: a city system, for the agency it acts for."""

    client_id: str
    client_name: str
    agency_uid: str
    agency_name: str


@dataclass(frozen=True)
class Login:
    """The login the request stands on, as `identity` tells it."""

    login_id: str
    auth_time: datetime
    acr: str
    account_level: int


@dataclass(frozen=True)
class Way:
    """The browser's way in and out: the hash of its cookie, where forms may lead, and where it goes back to."""

    browser_hash: bytes
    redirect_origin: str
    return_url: str


@dataclass(frozen=True)
class ConsentRequest:
    """One request. `answers` is empty until it is decided."""

    request_id: RequestId
    flow_id: str
    subject_id: SubjectId
    sub: str
    sector: str
    asker: Asker
    dossier_uid: DossierUid
    party_uid: PartyUid
    login: Login
    way: Way
    items: tuple[Item, ...]
    notice: Notice
    opened_at: datetime
    lapses_at: datetime
    state: RequestState = RequestState.REQUESTED
    answers: Mapping[str, Answer] | None = None
    closed_at: datetime | None = None
    traceparent: str | None = field(default=None, compare=False)  # of the call that opened it

    def decide(self, answers: Mapping[str, Answer], now: datetime) -> "ConsentRequest":
        """Answer every item. Raises `RequestLapsed`, `IllegalTransition` or `AnswerMissing`."""
        decided = self._close(RequestMove.DECIDE, now)
        check_answers(self.items, answers)
        return replace(decided, answers=dict(answers))

    def abandon(self, now: datetime) -> "ConsentRequest":
        """Give up the application. Raises `RequestLapsed` or `IllegalTransition`."""
        return self._close(RequestMove.ABANDON, now)

    def lapse(self, now: datetime) -> "ConsentRequest":
        """Let the request go once its time is over. Raises `IllegalTransition`."""
        return self._close(RequestMove.LAPSE, now)

    def is_over(self, now: datetime) -> bool:
        """Say whether the time to answer has passed."""
        return now >= self.lapses_at

    def _close(self, move: RequestMove, now: datetime) -> "ConsentRequest":
        state = after(REQUEST_TRANSITIONS, self.state, move)
        if self.is_over(now) and move is not RequestMove.LAPSE:
            raise RequestLapsed
        return replace(self, state=state, closed_at=now)
