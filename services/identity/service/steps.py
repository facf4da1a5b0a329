"""What a browser is told to do next: go back to the client, or on to the consent page."""

from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from services.identity.domain.flow import PushedRequest
from services.identity.domain.oauth import Error
from shared.languages import Language


@dataclass(frozen=True)
class GoTo:
    """An address to be redirected to, and the language in which this browser sees our pages from now on, if said."""

    url: str
    language: Language | None = None


@dataclass(frozen=True)
class HandOver:
    """A form that submits itself: the ticket is in no address."""

    entry_url: str
    ticket: str = field(repr=False)


Step = GoTo | HandOver


def back_with_code(request: PushedRequest, code: str, *, issuer: str) -> GoTo:
    """Send the browser back with its code (RFC 6749 §4.1.2)."""
    return _back(request, {"code": code}, issuer)


def back_with_error(request: PushedRequest, error: Error, description: str, *, issuer: str) -> GoTo:
    """Send the browser back without one (RFC 6749 §4.1.2.1); the description is a stable word."""
    return _back(request, {"error": error.value, "error_description": description}, issuer)


def _back(request: PushedRequest, answer: dict[str, str], issuer: str) -> GoTo:
    if request.state is not None:
        answer["state"] = request.state
    answer["iss"] = issuer  # RFC 9207: also with an error
    parts = urlsplit(request.redirect_uri)
    query = "&".join(part for part in (parts.query, urlencode(answer)) if part)
    return GoTo(parts._replace(query=query).geturl())
