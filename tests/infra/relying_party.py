"""A relying party towards the simulated VNeID that can be told to misbehave, and the VNeID it talks to."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.routing import Mount

from infra.client.browser import Browser
from infra.simulators.personas import load_personas
from infra.simulators.vneid.app import make_vneid
from infra.simulators.vneid.clients import ASSERTION_TYPE, Client
from infra.simulators.vneid.keys import SigningKeys

ORIGIN = "http://localhost:8090"
ISSUER = f"{ORIGIN}/vneid"
CALLBACK = "http://localhost:8080/identity/vneid/callback"
VERIFIER = "v" * 43


@dataclass
class Clock:
    """A clock that moves only when told."""

    time: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class RelyingParty:
    """A registered client, a person's browser and the provider, all in one process."""

    clock: Clock = field(default_factory=Clock)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    signing_key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", auto_kid=True))

    def __post_init__(self) -> None:
        clients = {
            name: Client(name, name, ECKey.import_key(self.key.as_dict(private=False)), frozenset({CALLBACK}))
            for name in ("gateway", "other")
        }
        self.keys = SigningKeys(self.signing_key)
        vneid = make_vneid(ISSUER, self.keys, clients, load_personas(), self.clock.now)
        self.transport = httpx2.ASGITransport(app=Starlette(routes=[Mount("/vneid", vneid)]))
        self.http = httpx2.AsyncClient(transport=self.transport, base_url=ORIGIN)
        self.browser = self.new_browser()

    def new_browser(self) -> Browser:
        return Browser(transport=self.transport, stop_at=CALLBACK)

    def authorize_url(self, **changes: str | None) -> str:
        """Return a faultless authorization request, but for `changes` (None leaves a parameter out)."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
        asked: dict[str, str | None] = {
            "client_id": "gateway",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid",
            "state": secrets.token_urlsafe(),
            "nonce": secrets.token_urlsafe(),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "prompt": "login",
        }
        asked |= changes
        return f"{ISSUER}/authorize?{urlencode({k: v for k, v in asked.items() if v is not None})}"

    async def log_in(self, person: str = "mother", **changes: str | None) -> dict[str, str]:
        """Walk the pages as `person`, who approves; return what the callback got."""
        await self.browser.open(self.authorize_url(**changes))
        await self.browser.press(person)
        await self.browser.press("Đồng ý")
        return self.callback()

    def callback(self) -> dict[str, str]:
        assert self.browser.page.url.startswith(CALLBACK), self.browser.page.text
        return dict(parse_qsl(urlsplit(self.browser.page.url).query))

    def assertion(self, **changes: object) -> str:
        now = int(self.clock.now().timestamp())
        claims: dict[str, object] = {
            "iss": "gateway",
            "sub": "gateway",
            "aud": ISSUER,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_urlsafe(),
        }
        return jwt.encode({"alg": "ES256"}, claims | changes, self.key)

    async def redeem(self, code: str, **changes: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
            "client_id": "gateway",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        }
        return await self.http.post("/vneid/token", data=form | changes)

    async def userinfo(self, reply: Mapping[str, str]) -> httpx2.Response:
        return await self.http.get("/vneid/userinfo", headers={"Authorization": f"Bearer {reply['access_token']}"})
