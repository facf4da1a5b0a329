"""What a client may ask for at the authorization endpoint, checked before anybody sees a page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.simulators.vneid.clients import Client
from infra.simulators.vneid.errors import SentBack, Stopped

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that passed every check of OIDC Core 3.1.2.2, with PKCE S256, `state` and `nonce` mandatory."""

    client: Client
    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    prompts: frozenset[str]
    max_age: int | None


def check_request(query: Sequence[tuple[str, str]], clients: Mapping[str, Client], issuer: str) -> AuthorizationRequest:
    """Parse a query into a request VNeID is willing to show a page for.

    Raises `Stopped` while client and redirect URI are unproven, `SentBack` for everything after.
    """
    asked = dict(query)
    if len(asked) != len(query):
        raise Stopped("Một tham số xuất hiện hai lần.", "A parameter comes twice.")
    client, redirect_uri = _known_client(asked, clients)

    def refuse(error: str, description: str) -> SentBack:
        return SentBack(error, description, redirect_uri=redirect_uri, state=asked.get("state"), issuer=issuer)

    if asked.get("response_type") != "code":
        raise refuse("unsupported_response_type", "only response_type=code")
    if "openid" not in asked.get("scope", "").split():
        raise refuse("invalid_scope", "scope must contain openid")
    if "request" in asked or "request_uri" in asked:
        raise refuse("request_not_supported", "request objects are not supported")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(asked.get("code_challenge", "")):
        raise refuse("invalid_request", "PKCE with S256 is required")
    if not asked.get("state") or not asked.get("nonce"):
        raise refuse("invalid_request", "state and nonce are required")
    prompts = frozenset(asked.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise refuse("invalid_request", "prompt is unknown or contradicts itself")
    if not re.fullmatch(r"\d{0,9}", asked.get("max_age", "")):
        raise refuse("invalid_request", "max_age is not a number of seconds")
    max_age = int(asked["max_age"]) if asked.get("max_age") else None
    return AuthorizationRequest(
        client, redirect_uri, asked["state"], asked["nonce"], asked["code_challenge"], prompts, max_age
    )


def _known_client(asked: Mapping[str, str], clients: Mapping[str, Client]) -> tuple[Client, str]:
    client = clients.get(asked.get("client_id", ""))
    if client is None:
        raise Stopped(
            "Hệ thống gửi yêu cầu chưa được đăng ký với VNeID.", "The system that asks is not registered with VNeID."
        )
    if asked.get("redirect_uri") not in client.redirect_uris:  # exact string, RFC 9700 2.1
        raise Stopped(
            "Địa chỉ quay về không đúng với địa chỉ đã đăng ký.", "The address to return to is not the registered one."
        )
    return client, asked["redirect_uri"]
