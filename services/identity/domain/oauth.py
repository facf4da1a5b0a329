"""How OAuth endpoints refuse: by a registered error code and a sentence in ASCII (RFC 6749 §5.2)."""

from enum import StrEnum


class Error(StrEnum):
    """The codes we use."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    ACCESS_DENIED = "access_denied"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    INVALID_TARGET = "invalid_target"  # RFC 8707 §2
    INVALID_DETAILS = "invalid_authorization_details"  # RFC 9396 §5
    INVALID_DPOP_PROOF = "invalid_dpop_proof"  # RFC 9449 §5
    UNMET_AUTHENTICATION = "unmet_authentication_requirements"  # OpenID Connect unmet_authentication_requirements 1.0


class OAuthError(Exception):
    """A refusal by an OAuth endpoint. The description begins with a stable word; it never repeats what was sent."""

    def __init__(self, error: Error, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
