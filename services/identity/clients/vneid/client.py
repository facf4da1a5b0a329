"""Sends a browser to VNeID, and turns the code it brings back into a verified login."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, cast

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from services.identity.clients.vneid.dialect import Dialect, ToldOfPerson
from services.identity.clients.vneid.id_token import Expected, IdToken, verify
from services.identity.clients.vneid.keys import ProviderKeys
from services.identity.clients.vneid.refusals import invalid, unavailable
from services.identity.domain.login import LoginFailed, Reason, VerifiedLogin
from shared import spans
from shared.keys import SigningKey, sign_jws
from shared.languages import Language
from shared.settings import SecureUrl
from shared.tls import trusting
from shared.transport import Transport

TIMEOUT = httpx2.Timeout(5.0, connect=2.0)  # of each step
LONGEST_CALL = 6.0  # seconds, all steps together: a body may trickle
METADATA_LIVES = timedelta(minutes=10)
ASSERTION_LIVES_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class Registration:
    """How VNeID knows us, and what we hold it to. The algorithm is pinned: metadata cannot widen it."""

    issuer: str
    client_id: str
    redirect_uri: str
    key: SigningKey = field(repr=False)
    algorithm: str
    dialect: Dialect


@dataclass(frozen=True)
class Secrets:
    """What one login sends along, and must find again in the answer."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


class _Metadata(BaseModel):
    """The members of discovery we use (OpenID Connect Discovery §3); https, or loopback."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: str
    authorization_endpoint: SecureUrl
    token_endpoint: SecureUrl
    userinfo_endpoint: SecureUrl
    jwks_uri: SecureUrl


class VneidClient:
    """Speaks to VNeID. Every method raises LoginFailed: `source_unavailable`, or `response_invalid` without a why."""

    def __init__(self, registration: Registration, *, ca_file: Path | None = None) -> None:
        self._registration = registration
        self._tls = trusting(ca_file)
        self.transport: httpx2.AsyncBaseTransport | None = None
        self._keys = ProviderKeys(self._fetch_keys, registration.algorithm)
        self._metadata: tuple[_Metadata, datetime] | None = None

    @property
    def issuer(self) -> str:
        """Return whom we believe: an answer must name it (RFC 9207)."""
        return self._registration.issuer

    async def authorization_url(self, secrets: Secrets, now: datetime, *, language: Language) -> str:
        """Return where to send the browser: a fresh login, PKCE S256, nonce and state, in her language."""
        metadata = await self._discover(now)
        async with self._oauth() as oauth:
            url, _ = oauth.create_authorization_url(
                metadata.authorization_endpoint,
                state=secrets.state,
                nonce=secrets.nonce,
                code_verifier=secrets.code_verifier,
                prompt="login",
                max_age=0,
                ui_locales=language,
            )
        return cast(str, url)

    async def log_in(self, code: str, secrets: Secrets, *, started_at: datetime, now: datetime) -> VerifiedLogin:
        """Trade the code, verify the id_token, and ask who she is."""
        metadata = await self._discover(now)
        async with self._oauth() as oauth:
            reply = await self._trade(oauth, metadata, code, secrets, now)
            access_token, compact = reply.get("access_token"), reply.get("id_token")
            if not isinstance(access_token, str) or not isinstance(compact, str):
                raise invalid()  # to Authlib a missing id_token is no error
            if str(reply.get("token_type")).lower() != "bearer":
                raise invalid()
            id_token = await verify(compact, self._keys, self._expected(secrets, access_token, started_at), now)
            told = self._registration.dialect(await self._userinfo(oauth, metadata, access_token))
        return _verified(id_token, told)

    async def _trade(self, oauth: Any, metadata: _Metadata, code: str, secrets: Secrets, now: datetime) -> Any:
        """Trade the code, once: it works once, and an answer that was lost may have used it up."""
        call = oauth.fetch_token(
            metadata.token_endpoint,
            grant_type="authorization_code",
            code=code,
            code_verifier=secrets.code_verifier,
            client_assertion_type=ASSERTION_TYPE,
            client_assertion=self._assertion(now),
        )
        try:
            async with asyncio.timeout(LONGEST_CALL):
                return await _asked("POST", call)
        except TimeoutError:
            raise unavailable() from None

    def _expected(self, secrets: Secrets, access_token: str, started_at: datetime) -> Expected:
        ours = self._registration
        return Expected(ours.issuer, ours.client_id, ours.algorithm, secrets.nonce, access_token, started_at)

    async def _userinfo(self, oauth: Any, metadata: _Metadata, access_token: str) -> dict[str, JsonValue]:
        headers = {"authorization": f"Bearer {access_token}"}
        told = _json(
            await _read(lambda: oauth.request("GET", metadata.userinfo_endpoint, headers=headers, withhold_token=True))
        )
        if not isinstance(told, dict):
            raise invalid()
        return told

    async def _discover(self, now: datetime) -> _Metadata:
        """Return the provider's metadata; the issuer in them must be ours (OpenID Connect Discovery §4.3)."""
        if self._metadata is None or now - self._metadata[1] >= METADATA_LIVES:
            document = await self._get(f"{self.issuer}/.well-known/openid-configuration")
            try:
                metadata = _Metadata.model_validate(document)
            except ValidationError:
                raise invalid() from None
            if metadata.issuer != self.issuer:
                raise invalid()
            self._metadata = metadata, now
        return self._metadata[0]

    async def _fetch_keys(self) -> JsonValue:
        if self._metadata is None:
            raise unavailable()
        return await self._get(self._metadata[0].jwks_uri)

    async def _get(self, url: str) -> JsonValue:
        async with httpx2.AsyncClient(**self._http()) as http:
            return _json(await _read(lambda: http.get(url)))

    def _oauth(self) -> Any:
        """Make Authlib's client for one login: it keeps the token in itself, so it is shared by no two."""
        ours = self._registration
        oauth: Any = AsyncOAuth2Client(
            client_id=ours.client_id,
            token_endpoint_auth_method="none",  # noqa: S106 - sends client_id; our assertion comes with it
            code_challenge_method="S256",
            redirect_uri=ours.redirect_uri,
            scope="openid",
            **self._http(),
        )
        oauth.register_compliance_hook("access_token_response", _check_token_reply)
        return oauth

    def _assertion(self, now: datetime) -> str:
        """Authenticate ourselves (RFC 7523 §3), towards the issuer and nobody else; Authlib's own lives an hour."""
        ours, issued = self._registration, int(now.timestamp())
        who = {"iss": ours.client_id, "sub": ours.client_id, "aud": ours.issuer, "jti": token_urlsafe(16)}
        return sign_jws(ours.key, "JWT", who | {"iat": issued, "exp": issued + ASSERTION_LIVES_SECONDS})

    def _http(self) -> dict[str, Any]:
        transport = self.transport or Transport(verify=self._tls, trust_env=False)
        return {"timeout": TIMEOUT, "follow_redirects": False, "trust_env": False, "transport": transport}


async def _read(get: Callable[[], Awaitable[httpx2.Response]]) -> httpx2.Response:
    """Read from VNeID, once more where it failed and time is left: reading changes nothing."""
    try:
        async with asyncio.timeout(LONGEST_CALL):
            try:
                return _checked(await _asked("GET", get()))
            except LoginFailed as failed:
                if failed.reason is not Reason.SOURCE_UNAVAILABLE:
                    raise
            await asyncio.sleep(0.05)
            return _checked(await _asked("GET", get()))
    except TimeoutError:
        raise unavailable() from None


async def _asked(method: str, call: Awaitable[Any]) -> Any:
    """Await one request to VNeID, and say what went wrong in our two words."""
    try:
        with spans.calling("vneid", method) as called:
            answer = await call
            if isinstance(answer, httpx2.Response):
                called.answered(answer.status_code)
            return answer
    except httpx2.TransportError:
        raise unavailable() from None
    except (httpx2.HTTPError, OAuthError, ValueError):
        raise invalid() from None


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.status_code >= 500 or answer.status_code == 429:
        raise unavailable()
    if answer.status_code != 200:
        raise invalid()
    return answer


def _check_token_reply(answer: httpx2.Response) -> httpx2.Response:
    """See that Authlib reads an object: it looks for members of whatever it is given."""
    if answer.status_code >= 500 or answer.status_code == 429:
        raise unavailable()
    if not isinstance(_json(answer), dict):
        raise invalid()
    return answer


def _json(answer: httpx2.Response) -> JsonValue:
    if len(answer.content) > MAX_BYTES:
        raise invalid()
    try:
        return answer.json()
    except ValueError:
        raise invalid() from None


def _verified(id_token: IdToken, told: ToldOfPerson) -> VerifiedLogin:
    # OIDC Core §5.3.2: userinfo of somebody else is not used. Both must tell one strength of login.
    if told.sub != id_token.sub or told.acr != id_token.acr:
        raise invalid()
    return VerifiedLogin(
        keys=told.keys,
        auth_time=id_token.auth_time,
        acr=id_token.acr,
        auth_level=int(told.acr),
        account_level=told.account_level,
        further=told.further,
    )
