"""The citizen's own login: consent as an OAuth client of `identity`, by PAR, PKCE, private_key_jwt and DPoP only."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, NoReturn, cast
from urllib.parse import urlencode
from uuid import UUID

import httpx2
import orjson
from joserfc import jwt

from services.consent.domain.ids import SubjectId
from shared import log, spans
from shared.errors import Forbidden, Unavailable
from shared.keys import SigningKey, sign_jws
from shared.languages import Language
from shared.tokens import InvalidToken, TokenVerifier
from shared.transport import http_client

SOURCE_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
"""What identity sends a browser back with when VNeID failed; all else is the end of this login."""

CLIENT_ID = "consent"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
_ASSERTION_LIVES = timedelta(seconds=60)
_DETAILS = orjson.dumps([{"type": "reuse_dossier", "purpose": "self_service"}]).decode()  # RFC 9396


class LoginUnavailable(Unavailable):
    """`identity` does not answer, or not as agreed."""

    code = "login_unavailable"


class LoginFailed(Forbidden):
    """The login did not come to an end: refused, too late, or not this browser's."""

    code = "login_failed"
    fault = "citizen"


class LoginSourceFailed(Unavailable):
    """VNeID does not answer, or not as agreed: nothing that she did, and she may try again."""

    code = "login_source_failed"
    fault = "source"


@dataclass(frozen=True)
class Beginning:
    """A login that can begin: where to send the browser, and the verifier that only we know."""

    address: str
    code_verifier: str


class LoginClient:
    """Logs a citizen in to her own pages.

    One key authenticates the client and binds the token (RFC 7523, RFC 9449): the types and audiences of the two kinds
    of JWT keep them apart, and the token is looked at once and dropped.
    """

    def __init__(self, *, issuer: str, identity_url: str, own_url: str, key: SigningKey) -> None:
        self._issuer = issuer
        self._base = f"{identity_url}/identity"
        self._own = own_url
        self._key = key
        self._http = http_client(timeout=httpx2.Timeout(3.0, connect=1.0))

    @property
    def redirect_uri(self) -> str:
        """Return where identity sends the browser back to."""
        return f"{self._own}/callback"

    async def begin(self, state: str, now: datetime, *, language: Language) -> Beginning:
        """Push the request (RFC 9126) and return the address to send the browser to. Raises LoginUnavailable."""
        verifier = token_urlsafe(48)
        pushed = await self._post(
            "par",
            {
                "response_type": "code",
                "redirect_uri": self.redirect_uri,
                "state": state,
                "code_challenge": _challenge(verifier),
                "code_challenge_method": "S256",
                "authorization_details": _DETAILS,
                "resource": self._own,
                "ui_locales": language,
            },
            now,
        )
        query = urlencode({"client_id": CLIENT_ID, "request_uri": str(pushed["request_uri"])})
        return Beginning(f"{self._issuer}/authorize?{query}", verifier)

    def check_issuer(self, iss: str | None) -> None:
        """Raise LoginFailed unless the answer names our issuer (RFC 9207): no other server's code is taken here."""
        if iss != self._issuer:
            raise LoginFailed

    async def finish(self, code: str, code_verifier: str, verifier: TokenVerifier, now: datetime) -> SubjectId:
        """Trade the code for a token, verify it, and return who logged in. Raises LoginFailed or LoginUnavailable."""
        given = await self._post(
            "token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "code_verifier": code_verifier,
                "resource": self._own,
            },
            now,
        )
        try:
            bound = await verifier.verify_access_token(str(given.get("access_token")), now=now)
        except InvalidToken:
            raise LoginFailed from None
        caller = bound.caller
        if bound.jkt != self._key.kid or caller.client_id != CLIENT_ID or caller.subject_id is None:
            raise LoginFailed
        return SubjectId(UUID(caller.subject_id))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _post(self, endpoint: str, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
        client = {
            "client_id": CLIENT_ID,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(now),
        }
        headers = {"dpop": self._proof(f"{self._issuer}/{endpoint}", now)}
        try:
            with spans.calling("identity", "POST") as call:
                answer = await self._http.post(f"{self._base}/{endpoint}", data={**form, **client}, headers=headers)
                call.answered(answer.status_code)
            told = cast(object, answer.json())
        except (httpx2.TransportError, ValueError) as error:
            raise LoginUnavailable from error
        if not answer.is_success or not isinstance(told, dict):
            _refuse(endpoint, answer.status_code, told)
        return cast(dict[str, Any], told)

    def _assertion(self, now: datetime) -> str:
        """Authenticate the client (RFC 7523 §3); `aud` is the issuer as a string."""
        issued = int(now.timestamp())
        claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": self._issuer, "iat": issued, "jti": token_urlsafe(16)}
        return sign_jws(self._key, "JWT", claims | {"exp": issued + int(_ASSERTION_LIVES.total_seconds())})

    def _proof(self, url: str, now: datetime) -> str:
        """Prove that we hold the key (RFC 9449 §4.2); `htu` is the address the outside knows."""
        public = self._key.jwk.as_dict(private=False)
        jwk = {name: public[name] for name in ("kty", "crv", "x", "y")}
        claims = {"htm": "POST", "htu": url, "iat": int(now.timestamp()), "jti": token_urlsafe(16)}
        header = {"typ": "dpop+jwt", "alg": self._key.algorithm, "jwk": jwk}
        return jwt.encode(header, claims, self._key.jwk, algorithms=[self._key.algorithm])


def _challenge(verifier: str) -> str:
    """RFC 7636 §4.2, S256: the only method."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refuse(endpoint: str, status: int, told: object) -> NoReturn:
    """A code that is refused is a login that failed; anything else refused is our own mistake or identity's."""
    error = cast(dict[str, Any], told).get("error") if isinstance(told, dict) else None
    log.warning("login_refused", endpoint=endpoint, status=status, error=str(error)[:100])
    if error == "invalid_grant":
        raise LoginFailed
    raise LoginUnavailable
