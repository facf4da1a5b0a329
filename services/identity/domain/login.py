"""What VNeID says of a login once every check has passed, and the reasons for which a login can lead to nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from services.identity.domain.oauth import Error
from services.identity.domain.person import MatchKeys
from shared.errors import Fault


@dataclass(frozen=True)
class VerifiedLogin:
    """A login that was verified: only `clients.vneid` makes one."""

    keys: MatchKeys
    auth_time: datetime
    acr: str
    auth_level: int  # how strongly she logged in (Decree 69/2024 Art 20), 1 to 4
    account_level: int  # how she enrolled, 1 or 2
    further: Mapping[str, JsonValue] = field(repr=False, default_factory=dict[str, JsonValue])  # by attribute id


@dataclass(frozen=True)
class Levels:
    """The least a service asks for, of both."""

    auth_level: int
    account_level: int

    def are_met_by(self, login: VerifiedLogin) -> bool:
        """Say whether a login is strong enough."""
        return login.auth_level >= self.auth_level and login.account_level >= self.account_level


class Reason(StrEnum):
    """Why a login led to nothing."""

    REFUSED = "refused"
    TIMEOUT = "timeout"
    LEVEL_TOO_LOW = "level_too_low"
    PARTY_MISMATCH = "party_mismatch"
    REPRESENTATION_REQUIRED = "representation_required"
    RESPONSE_INVALID = "response_invalid"
    SOURCE_UNAVAILABLE = "source_unavailable"

    @property
    def fault(self) -> Fault:
        """Say whose fault it is (I11)."""
        return "source" if self in (Reason.RESPONSE_INVALID, Reason.SOURCE_UNAVAILABLE) else "citizen"

    @property
    def error(self) -> Error:
        """Return what the client is told by way of the browser."""
        return _ERRORS.get(self, Error.ACCESS_DENIED)


_ERRORS = {
    Reason.LEVEL_TOO_LOW: Error.UNMET_AUTHENTICATION,
    Reason.RESPONSE_INVALID: Error.SERVER_ERROR,
    Reason.SOURCE_UNAVAILABLE: Error.TEMPORARILY_UNAVAILABLE,
}


class LoginFailed(Exception):
    """A login leads to nothing; nothing that was told of her is kept."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
