"""The two ways in which VNeID's side of a login goes wrong."""

from services.identity.domain.login import LoginFailed, Reason


def invalid() -> LoginFailed:
    """Refuse an answer that is not as agreed. One answer for every reason: an attacker learns nothing from it."""
    return LoginFailed(Reason.RESPONSE_INVALID)


def unavailable() -> LoginFailed:
    """Say that VNeID does not answer now."""
    return LoginFailed(Reason.SOURCE_UNAVAILABLE)
