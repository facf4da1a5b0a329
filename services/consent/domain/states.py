"""The two state machines, each a total table: what may become of a request, and of a grant."""

from collections.abc import Mapping
from enum import StrEnum


class RequestState(StrEnum):
    """Where a consent request stands."""

    REQUESTED = "requested"
    DECIDED = "decided"
    ABANDONED = "abandoned"
    LAPSED = "lapsed"


class RequestMove(StrEnum):
    """What can happen to a request: she answers, she gives up the application, or her time is over."""

    DECIDE = "decide"
    ABANDON = "abandon"
    LAPSE = "lapse"


class GrantState(StrEnum):
    """Where a grant stands."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ENDED = "ended"


class GrantMove(StrEnum):
    """What can happen to a grant: she withdraws it, its time is over, or the ground it stands on is gone."""

    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    END = "end"


# None: refused. Every pair is spelled out, so that a new state or move has to be thought about in each place.
REQUEST_TRANSITIONS: Mapping[tuple[RequestState, RequestMove], RequestState | None] = {
    (RequestState.REQUESTED, RequestMove.DECIDE): RequestState.DECIDED,
    (RequestState.REQUESTED, RequestMove.ABANDON): RequestState.ABANDONED,
    (RequestState.REQUESTED, RequestMove.LAPSE): RequestState.LAPSED,
    (RequestState.DECIDED, RequestMove.DECIDE): None,
    (RequestState.DECIDED, RequestMove.ABANDON): None,
    (RequestState.DECIDED, RequestMove.LAPSE): None,
    (RequestState.ABANDONED, RequestMove.DECIDE): None,
    (RequestState.ABANDONED, RequestMove.ABANDON): None,
    (RequestState.ABANDONED, RequestMove.LAPSE): None,
    (RequestState.LAPSED, RequestMove.DECIDE): None,
    (RequestState.LAPSED, RequestMove.ABANDON): None,
    (RequestState.LAPSED, RequestMove.LAPSE): None,
}

GRANT_TRANSITIONS: Mapping[tuple[GrantState, GrantMove], GrantState | None] = {
    (GrantState.GRANTED, GrantMove.WITHDRAW): GrantState.WITHDRAWN,
    (GrantState.GRANTED, GrantMove.EXPIRE): GrantState.EXPIRED,
    (GrantState.GRANTED, GrantMove.END): GrantState.ENDED,
    (GrantState.WITHDRAWN, GrantMove.WITHDRAW): None,
    (GrantState.WITHDRAWN, GrantMove.EXPIRE): None,
    (GrantState.WITHDRAWN, GrantMove.END): None,
    (GrantState.EXPIRED, GrantMove.WITHDRAW): None,
    (GrantState.EXPIRED, GrantMove.EXPIRE): None,
    (GrantState.EXPIRED, GrantMove.END): None,
    (GrantState.ENDED, GrantMove.WITHDRAW): None,
    (GrantState.ENDED, GrantMove.EXPIRE): None,
    (GrantState.ENDED, GrantMove.END): None,
}
