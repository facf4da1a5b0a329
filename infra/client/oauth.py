"""Logs a citizen in, and gets tokens: PAR (RFC 9126), PKCE (RFC 7636), DPoP (RFC 9449), RFC 9396 details."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import JsonValue

from infra.client.gateway import Gateway, Json, Refused
from infra.client.keys import ClientKey, DpopKey, base64url
from infra.client.tokens import Flow, Token

Service = Literal["identity", "consent", "reuse", "audit"]
Details = Mapping[str, JsonValue]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_METADATA = "/.well-known/oauth-authorization-server/identity"


class LoginFailed(Exception):
    """The citizen came back without a code; `error` is OAuth's word for why (`access_denied`: she gave it up)."""

    def __init__(self, error: str, description: str = "") -> None:
        self.error, self.description = error, description
        super().__init__(f"{error} {description}".strip())


class AuthorizationServer:
    """The gateway's `identity`, found through its metadata (RFC 8414)."""

    def __init__(self, gateway: Gateway, key: ClientKey, redirect_uri: str) -> None:
        self._gateway, self._key, self._redirect_uri = gateway, key, redirect_uri
        self._issuer = f"{gateway.origin}/identity"
        self._metadata: Json | None = None

    async def begin_login(self, details: Details, service: Service, *, ui_locales: str | None = None) -> Flow:
        """Push the request (PAR) and return the address for the browser. More than the procedure allows is `Refused`.

        Of the whole request the browser carries only a reference. `ui_locales` is OpenID Connect Core's (§3.1.2.1).
        """
        key, state, verifier = DpopKey.new(), secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        resource = f"{self._gateway.origin}/{service}"
        pushed = await self._post(
            "pushed_authorization_request_endpoint",
            key,
            {
                "response_type": "code",
                "redirect_uri": self._redirect_uri,
                "state": state,
                "code_challenge": base64url(hashlib.sha256(verifier.encode()).digest()),
                "code_challenge_method": "S256",
                "resource": resource,
                "authorization_details": json.dumps([details]),
                **({"ui_locales": ui_locales} if ui_locales else {}),
            },
        )
        query = urlencode({"client_id": self._key.client_id, "request_uri": str(pushed["request_uri"])})
        return Flow(
            state=state,
            code_verifier=verifier,
            key=key,
            resource=resource,
            authorize_url=f"{await self._endpoint('authorization_endpoint')}?{query}",
        )

    async def finish_login(self, flow: Flow, callback_url: str) -> Token:
        """Exchange what the browser brought back for a token.

        `state` ties the answer to this browser, `iss` to this server (RFC 9207). Raises `LoginFailed`, also for an
        answer that does not belong to `flow`, and `Refused` when the code is not taken.
        """
        answer = dict(parse_qsl(urlsplit(callback_url).query))
        if not hmac.compare_digest(answer.get("state", ""), flow.state) or answer.get("iss") != self._issuer:
            raise LoginFailed("invalid_response", "state or iss is not ours")
        if "code" not in answer:
            raise LoginFailed(answer.get("error", "invalid_response"), answer.get("error_description", ""))
        reply = await self._post(
            "token_endpoint",
            flow.key,
            {
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self._redirect_uri,
                "code_verifier": flow.code_verifier,
                "resource": flow.resource,
            },
        )
        return _token(reply, flow.key, flow.resource)

    async def client_token(self, details: Details, service: Service) -> Token:
        """Get a token without a citizen: for an officer or a machine of the agency (client_credentials)."""
        key, resource = DpopKey.new(), f"{self._gateway.origin}/{service}"
        reply = await self._post(
            "token_endpoint",
            key,
            {
                "grant_type": "client_credentials",
                "resource": resource,
                "authorization_details": json.dumps([details]),
            },
        )
        return _token(reply, key, resource)

    async def _post(self, endpoint: str, key: DpopKey, form: Mapping[str, str]) -> Json:
        url = await self._endpoint(endpoint)
        proven = {
            "client_id": self._key.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._key.assertion(self._issuer),
        }
        return await self._gateway.post_form(url, {**form, **proven}, key.proof("POST", url))

    async def _endpoint(self, name: str) -> str:
        if self._metadata is None:
            metadata = await self._gateway.get_public(_METADATA)
            if metadata.get("issuer") != self._issuer:
                raise Refused(200, {"code": "wrong_issuer", "detail": "the metadata are of another issuer"})
            self._metadata = metadata
        return str(self._metadata[name])


def _token(reply: Json, key: DpopKey, resource: str) -> Token:
    """Take a token reply; one that is not bound to our key is not used (RFC 9449 5)."""
    if str(reply.get("token_type")).lower() != "dpop":
        raise Refused(200, {"code": "not_dpop_bound", "detail": "the token is not bound to our key"})
    expires_in = reply.get("expires_in")
    return Token(
        access_token=str(reply["access_token"]),
        key=key,
        resource=resource,
        expires_at=int(time.time()) + (expires_in if isinstance(expires_in, int) else 0),
        granted=reply.get("authorization_details"),
    )
