"""How VNeID says no: to the person, to the client by way of her browser, or to the client directly."""

from urllib.parse import urlencode

from shared.languages import Words


class Stopped(Exception):
    """Said to the person on a page, because nothing yet proves where she may be sent back to (RFC 6749 4.1.2.1)."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(vi, en)


class SentBack(Exception):
    """Said to the client through a redirect to its registered URI."""

    def __init__(self, error: str, description: str, *, redirect_uri: str, state: str | None, issuer: str) -> None:
        super().__init__(description)
        answer = {"error": error, "error_description": description, "iss": issuer}
        if state is not None:
            answer["state"] = state
        self.location = f"{redirect_uri}?{urlencode(answer)}"


class Refused(Exception):
    """Said to the client in the JSON of the token and userinfo endpoints (RFC 6749 5.2, RFC 6750 3)."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status
