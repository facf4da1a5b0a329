"""A login from the pushed request to the code: what was asked, in which browser, and how far it has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from services.identity.domain.details import Login
from services.identity.domain.ids import FlowId, LoginId, RequestId, SubjectId
from services.identity.domain.person import Capacity
from shared.errors import Forbidden, NotFound
from shared.languages import Language
from shared.tokens import Mandate

REQUEST_LIVES = timedelta(seconds=60)  # RFC 9126 §2.2
CODE_LIVES = timedelta(seconds=60)  # FAPI 2.0 §5.3.2.1
AT_VNEID = timedelta(minutes=10)
"""A browser that has not come back from VNeID by then will not."""
UNCLAIMED = timedelta(hours=1)
"""A decision with which no browser has come back by then is over."""


class UnknownFlow(NotFound):
    """There is no such login in this browser; a foreign one and a missing one are answered alike."""

    code = "flow_not_found"
    fault = "citizen"


class FlowOver(Forbidden):
    """This login has come to its end already."""

    code = "flow_over"
    fault = "citizen"


class FlowState(StrEnum):
    """How far a login has come."""

    STARTED = "started"  # the browser is at VNeID
    LOGGED_IN = "logged_in"  # she is known; consent has asked her, or is about to
    DECIDED = "decided"
    GIVEN_UP = "given_up"
    ANSWERED = "answered"  # the client has its code
    CLOSED = "closed"  # it led to nothing


class FlowMove(StrEnum):
    """What can happen to a login."""

    LOG_IN = "log_in"
    DECIDE = "decide"
    GIVE_UP = "give_up"
    ANSWER = "answer"
    CLOSE = "close"


S, M = FlowState, FlowMove
# None: refused. Every pair is spelled out.
FLOW_TRANSITIONS: Mapping[tuple[FlowState, FlowMove], FlowState | None] = {
    (S.STARTED, M.LOG_IN): S.LOGGED_IN,
    (S.STARTED, M.DECIDE): None,
    (S.STARTED, M.GIVE_UP): None,
    (S.STARTED, M.ANSWER): None,
    (S.STARTED, M.CLOSE): S.CLOSED,
    (S.LOGGED_IN, M.LOG_IN): None,
    (S.LOGGED_IN, M.DECIDE): S.DECIDED,
    (S.LOGGED_IN, M.GIVE_UP): S.GIVEN_UP,
    (S.LOGGED_IN, M.ANSWER): None,
    (S.LOGGED_IN, M.CLOSE): S.CLOSED,
    (S.DECIDED, M.LOG_IN): None,
    (S.DECIDED, M.DECIDE): None,
    (S.DECIDED, M.GIVE_UP): None,
    (S.DECIDED, M.ANSWER): S.ANSWERED,
    (S.DECIDED, M.CLOSE): S.CLOSED,
    (S.GIVEN_UP, M.LOG_IN): None,
    (S.GIVEN_UP, M.DECIDE): S.DECIDED,  # our timer was quicker than the news of her decision
    (S.GIVEN_UP, M.GIVE_UP): None,
    (S.GIVEN_UP, M.ANSWER): None,
    (S.GIVEN_UP, M.CLOSE): S.CLOSED,
    (S.ANSWERED, M.LOG_IN): None,
    (S.ANSWERED, M.DECIDE): None,
    (S.ANSWERED, M.GIVE_UP): None,
    (S.ANSWERED, M.ANSWER): None,
    (S.ANSWERED, M.CLOSE): None,
    (S.CLOSED, M.LOG_IN): None,
    (S.CLOSED, M.DECIDE): None,
    (S.CLOSED, M.GIVE_UP): None,
    (S.CLOSED, M.ANSWER): None,
    (S.CLOSED, M.CLOSE): None,
}


class Purpose(StrEnum):
    """What a login is for (R6): one party of one dossier, or her own page."""

    PROCEDURE = "procedure"
    SELF_SERVICE = "self_service"


@dataclass(frozen=True)
class PushedRequest:
    """What a client pushed (RFC 9126) and every check has let pass. `login` is None for her own page."""

    request_id: RequestId
    client_id: str
    redirect_uri: str
    state: str | None
    code_challenge: str
    jkt: str  # the key the code is bound to (RFC 9449 §10.1)
    resource: str
    mandate: Mandate
    procedure: str | None
    login: Login | None
    expires_at: datetime
    language: Language | None = None  # of her pages, if the client said (`ui_locales`)
    logged_in: bool = False  # used up: one login comes of one request

    @property
    def purpose(self) -> Purpose:
        """Say what the login is for."""
        return Purpose.PROCEDURE if self.login else Purpose.SELF_SERVICE

    @property
    def redirect_origin(self) -> str:
        """Return the origin the browser will be sent back to."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class LoggedIn:
    """Who logged in, when and how strongly."""

    login_id: LoginId
    subject_id: SubjectId
    auth_time: datetime
    acr: str
    account_level: int
    capacity: Capacity
    at: datetime


@dataclass(frozen=True)
class Flow:
    """One browser's way through a pushed request; several may be under way in several tabs."""

    flow_id: FlowId
    request: PushedRequest
    browser_hash: bytes = field(repr=False)
    state: FlowState
    started_at: datetime
    returned: bool  # VNeID's answer has been taken: it is taken once
    nonce: str | None = field(repr=False, default=None)
    code_verifier: str | None = field(repr=False, default=None)
    who: LoggedIn | None = None
    consent_request_id: RequestId | None = None
    traceparent: str | None = None  # of the request that began it

    def logged_in(self) -> LoggedIn:
        """Return who logged in; raises UnknownFlow where nobody has."""
        if self.who is None:
            raise UnknownFlow
        return self.who

    def asked(self) -> Login:
        """Return which party of which dossier it is for; raises UnknownFlow for a login to her own page."""
        if self.request.login is None:
            raise UnknownFlow
        return self.request.login
