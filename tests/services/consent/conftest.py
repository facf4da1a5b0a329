"""Consent as it is composed, on a real PostgreSQL, with `identity` and `reuse` doubled at the seam of its clients."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
from shared import clock, ids, inside
from shared.db import Database
from shared.issuer_keys import IssuerKeys
from shared.keys import ServiceKey
from shared.migrations import migrate
from shared.service import Service
from shared.tokens import TokenVerifier
from tests.contract.events import assert_event_matches_schema
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
class World:
    """One composed consent, and everybody around it."""

    service: Service
    reuse: Reuse
    identity: Identity
    issuer: Issuer
    keys: dict[str, ServiceKey]
    holder: Holder = field(default_factory=Holder)

    @property
    def db(self) -> Database:
        """Consent's database."""
        return self.service.db

    @property
    def parts(self) -> Parts:
        """What its routes are given."""
        return self.service.app.state.parts

    def client(self) -> httpx2.AsyncClient:
        """Make a client of the application; a bug in it is raised here."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.service.app), base_url=ORIGIN)

    @asynccontextmanager
    async def browser(self) -> AsyncGenerator[Browser]:
        """Open a browser that has our cookie."""
        secret = token_urlsafe(32)
        async with self.client() as http:
            http.cookies.set("motlan", secret, domain="localhost.local")
            yield Browser(http, secret)

    async def call(self, caller: str, method: str, path: str, json: Any = None) -> httpx2.Response:
        """Call an inside route as another service."""
        assertion = inside.assertion(caller, "consent", self.keys[caller], clock.now())
        async with self.client() as http:
            return await http.request(method, path, json=json, headers={"authorization": f"Bearer {assertion}"})

    async def ask(
        self, method: str, path: str, json: Any = None, key: str | None = None, **claims: Any
    ) -> httpx2.Response:
        """Call a public route as an officer's system."""
        now = clock.now()
        token = self.issuer.issue(self.holder, at=now, **claims)
        proof = self.holder.prove(token, at=now, htm=method, htu=f"{ORIGIN}{path}")
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        if key:
            headers["idempotency-key"] = f'"{key}"'
        async with self.client() as http:
            return await http.request(method, path, json=json, headers=headers)

    async def events(self, key: UUID | str) -> list[tuple[str, Any]]:
        """Return what was told of one key, in order: the outbox is the seam. Each event fits its schema."""
        async with self.db.read() as tx:
            rows = await tx.fetch("SELECT type, data FROM outbox WHERE key = $1 ORDER BY position", str(key))
        for row in rows:
            assert_event_matches_schema(row["type"], row["data"], str(key))
        return [(row["type"], row["data"]) for row in rows]

    async def value(self, sql: str, *args: object) -> Any:
        """Read one value of consent's database."""
        async with self.db.read() as tx:
            return await tx.fetchval(sql, *args)

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
    _answered_by(parts.reuse._client, reuse.app)
    _answered_by(parts.identity._client, identity.app)
    parts.login._http = _played(identity.app)
    identity.jkt = parts.login._key.kid
    service.verifier = TokenVerifier(issuer=f"{ORIGIN}/identity", audience=AUDIENCE, keys=IssuerKeys(_fetch(issuer)))
    service.db = await Database.connect(service.settings.dsn())
    keys = {name: ServiceKey.load(folder / f"{name}.pem") for name in ("identity", "reuse", "audit")}
    yield World(service, reuse, identity, issuer, keys)
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


def _played(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1")


def _answered_by(client: inside.ServiceClient, app: Any) -> None:
    client.http = _played(app)


def _fetch(issuer: Issuer) -> Any:
    async def fetch() -> object:
        return issuer.jwks()

    return fetch
