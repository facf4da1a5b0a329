"""Consent as it is composed, on a real PostgreSQL, with `identity` and `reuse` doubled at the seam of its clients."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

import httpx2
import pytest

from infra.embedded.keyring import Keyring
from infra.embedded.stack import Stack
from services.consent.__main__ import compose
from services.consent.domain.dossier import Dossier
from services.consent.parts import Parts
from services.consent.settings import Settings
from shared import clock, ids
from shared.db import Database
from shared.issuer_keys import IssuerKeys
from shared.keys import ServiceKey
from shared.migrations import migrate
from shared.tokens import TokenVerifier
from tests.services.composed import CityCalled, played
from tests.services.consent.doubles import Identity, Reuse
from tests.shared.credentials import AUDIENCE, ORIGIN, Holder, Issuer, make_values

REDIRECT_ORIGIN = "https://city.invalid"
RETURN_URL = f"{ORIGIN}/identity/return?flow=opaque"


@dataclass
class Browser:
    """A citizen's browser: keeps cookies, sends what browsers send with a form."""

    http: httpx2.AsyncClient
    secret: str

    @property
    def hash(self) -> str:
        """What identity tells of it."""
        return sha256(self.secret.encode()).hexdigest()

    async def get(self, path: str) -> httpx2.Response:
        """Open a page."""
        return await self.http.get(path, headers={"accept": "text/html"})

    async def post(self, path: str, **form: str) -> httpx2.Response:
        """Send a form of ours."""
        return await self.http.post(path, data=form, headers={"origin": ORIGIN, "sec-fetch-site": "same-origin"})

    async def submit(self, page: httpx2.Response, action: str, **form: str) -> httpx2.Response:
        """Send the form of this page that leads to `action`, with its hidden token."""
        body = re.search(rf'<form method="post" action="[^"]*{action}".*?</form>', page.text, re.DOTALL)
        assert body is not None, page.text
        address = re.search(r'action="([^"]+)"', body[0])
        csrf = re.search(r'name="csrf" value="([^"]+)"', body[0])
        assert address is not None
        assert csrf is not None
        return await self.post(address[1], csrf=csrf[1], **form)


@dataclass
class World(CityCalled):
    """One composed consent, and everybody around it."""

    reuse: Reuse
    identity: Identity

    @property
    def parts(self) -> Parts:
        """What its routes are given."""
        return self.service.app.state.parts

    @asynccontextmanager
    async def browser(self) -> AsyncGenerator[Browser]:
        """Open a browser that has our cookie."""
        secret = token_urlsafe(32)
        async with self.http() as http:
            http.cookies.set("motlan", secret, domain="localhost.local")
            yield Browser(http, secret)

    def login(self, dossier: Dossier, browser_hash: str, subject_id: UUID, **changes: Any) -> dict[str, Any]:
        """Make what identity sends after a login of the dossier's first party."""
        party = dossier.parties[0]
        return {
            "flow_id": str(ids.new()),
            "browser_hash": browser_hash,
            "client_id": dossier.client_id,
            "client_name": "Hệ thống thông tin hộ tịch",
            "agency_uid": "ag-000101",
            "dossier_uid": str(dossier.dossier_uid),
            "party_uid": str(party.party_uid),
            "subject_id": str(subject_id),
            "sub": "pairwise-mother-01",
            "sector": "justice",
            "login_id": str(ids.new()),
            "auth_time": clock.now().isoformat(),
            "acr": "vneid:2",
            "account_level": 2,
            "capacity": "self",
            "attributes": sorted({name for each in dossier.components for name in each.attributes}),
            "redirect_origin": REDIRECT_ORIGIN,
            "return_url": RETURN_URL,
        } | changes

    async def logged_in(self, browser: Browser, subject_id: UUID) -> None:
        """Let her log in to her own pages."""
        self.identity.who = subject_id
        begun = await browser.get("/consent/login")
        assert begun.status_code == 303
        state = self.identity.pushed[-1]["state"]
        done = await browser.get(f"/consent/callback?state={state}&iss={ORIGIN}/identity&code=c")
        assert done.status_code == 303, done.text


@pytest.fixture(scope="session")
async def world(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    folder = tmp_path_factory.mktemp("consent")
    await migrate(stack.databases["consent"].owner, "consent")
    issuer = Issuer()
    reuse, identity = Reuse(), Identity(issuer)
    service = compose(_settings(stack, folder))
    parts: Parts = service.app.state.parts
    parts.reuse._client.http = played(reuse.app)
    parts.identity._client.http = played(identity.app)
    parts.login._http = played(identity.app)
    identity.jkt = parts.login._key.kid
    service.verifier = TokenVerifier(issuer=f"{ORIGIN}/identity", audience=AUDIENCE, keys=IssuerKeys(_fetch(issuer)))
    service.db = await Database.connect(service.settings.dsn())
    keys = {name: ServiceKey.load(folder / f"{name}.pem") for name in ("identity", "reuse", "audit")}
    yield World(service, keys, issuer, Holder(), reuse, identity)
    for close in reversed(service.on_close):
        await close()
    await service.db.close()


def _settings(stack: Stack, folder: Path) -> Settings:
    keyring = Keyring(folder / "keys")
    own: dict[str, Any] = {
        "database_url": stack.databases["consent"].service,
        "kafka_bootstrap": stack.kafka.bootstrap,
        "receipt_key_file": keyring.p256("receipt"),
        "self_service_client_key_file": keyring.p256("client-consent"),
    }
    return Settings(**make_values(folder, "consent", "identity", "reuse", "audit") | own)


def _fetch(issuer: Issuer) -> Any:
    async def fetch() -> object:
        return issuer.jwks()

    return fetch
