"""Identity as it is composed, on a real PostgreSQL, with VNeID, `reuse` and `consent` doubled at its clients."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import httpx2
import pytest
import yaml
from joserfc.jwk import ECKey

from infra.embedded.keyring import Keyring
from infra.embedded.stack import Stack
from services.identity.__main__ import IdentityService, compose
from services.identity.parts import Parts
from services.identity.service.registrations import register
from services.identity.settings import Settings
from shared import clock, ids
from shared.db import Database, Tx
from shared.events import Received
from shared.keys import ServiceKey, SigningKey, jwks
from shared.migrations import migrate
from tests.services.composed import Composed, played
from tests.services.identity.city import City, officer
from tests.services.identity.doubles import Consent, Reuse, make_dossier
from tests.services.identity.vneid import CLIENT_ID, ISSUER, Person, Vneid
from tests.shared.credentials import ORIGIN, make_values

MANDATES: dict[str, list[dict[str, Any]]] = {
    "justice-system": [
        {"id": "m-000101", "kind": "procedure", "agency_uid": "ag-000101", "procedures": ["1.001193"],
         "from": "2026-01-01", "until": "2099-01-01", "legal_ref": "Quyết định (dữ liệu mẫu)"},
        {"id": "m-000201", "kind": "procedure", "agency_uid": "ag-000201", "procedures": [],
         "from": "2026-01-01", "legal_ref": "Quyết định (dữ liệu mẫu)"},
    ],
    "business-system": [
        {"id": "m-000301", "kind": "procedure", "agency_uid": "ag-000301", "procedures": ["1.001612"],
         "from": "2026-01-01", "until": "2099-01-01", "legal_ref": "Quyết định (dữ liệu mẫu)"},
        {"id": "m-000101-old", "kind": "procedure", "agency_uid": "ag-000101", "procedures": ["1.001193"],
         "from": "2025-08-01", "until": "2026-01-01", "legal_ref": "Quyết định (dữ liệu mẫu)"},
    ],
    "inspectorate": [
        {"id": "m-000901", "kind": "audit", "agency_uid": "ag-000901", "procedures": [],
         "from": "2026-01-01", "until": "2099-01-01", "legal_ref": "Quyết định (dữ liệu mẫu)"},
    ],
    "consent": [],
}  # fmt: skip


@dataclass
class World(Composed[IdentityService]):
    """One composed identity, and everybody around it."""

    vneid: Vneid
    reuse: Reuse
    consent: Consent
    clients: dict[str, ECKey]
    number: int = field(default=0)

    @property
    def parts(self) -> Parts:
        """What its use cases are given."""
        return self.service.app.state.parts

    def city(self, client_id: str = "justice-system", **changes: Any) -> City:
        """Be a registered client, with a fresh key for its tokens."""
        return City(client_id, self.clients[client_id], **changes)

    def page(self) -> City:
        """Be our own page for the citizen."""
        return self.city("consent", redirect_uri=f"{ORIGIN}/consent/callback")

    def dossier(self, **changes: Any) -> dict[str, Any]:
        """Open a dossier at `reuse`."""
        return self.reuse.knows(make_dossier(**changes))

    async def to_vneid(self, browser: httpx2.AsyncClient, city: City, details: Any, **changes: Any) -> str:
        """Push a request and take the browser to VNeID's door."""
        answer = await browser.get(await city.authorize_url(browser, details, **changes))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def from_vneid(self, browser: httpx2.AsyncClient, answer: dict[str, str]) -> httpx2.Response:
        """Bring VNeID's answer back."""
        return await browser.get(f"/identity/vneid/callback?{urlencode(answer)}")

    async def log_in(
        self, browser: httpx2.AsyncClient, details: Any, person: Person, city: City | None = None
    ) -> httpx2.Response:
        """Log a person in as far as the consent page, or back to the client if it comes to that."""
        door = await self.to_vneid(browser, city or self.city(), details)
        return await self.from_vneid(browser, self.vneid.approve(door, person))

    async def decided(
        self, browser: httpx2.AsyncClient, city: City, details: Any, person: Person, *granted: str
    ) -> dict[str, str]:
        """Log a person in who then answers; return what the client gets."""
        page = await self.log_in(browser, details, person, city)
        assert page.status_code == 200, page.headers.get("location", page.text)
        flow_id = self.consent.opened[-1]["flow_id"]
        self.consent.decide(flow_id, *granted)
        return back(await browser.get(f"/identity/flows/{flow_id}/return"))

    async def who_is(self, details: Any, agency_uid: str = "ag-000101") -> dict[str, Any]:
        """Ask who a party is, as `reuse` does."""
        path = f"/internal/dossiers/{details['dossier_uid']}/parties/{details['party_uid']}?agency_uid={agency_uid}"
        answer = await self.call("reuse", "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def check(
        self, city: City, dossier: dict[str, Any], person: Person, key: str | None = None, **changes: Any
    ) -> httpx2.Response:
        """Let an officer look at a person's card."""
        async with self.http() as http:
            token = (await city.work(http, officer(), resource=f"{ORIGIN}/identity")).json()["access_token"]
            path = "/identity/checks"
            proof = city.holder.prove(token, at=clock.now(), htm="POST", htu=ORIGIN + path)
            born = person.born if len(person.born) == 4 else f"{person.born[:4]}-{person.born[4:6]}-{person.born[6:]}"
            body = {
                "dossier_uid": dossier["dossier_uid"],
                "party_uid": dossier["parties"][0]["party_uid"],
                "method": "card_shown",
                "pin": person.pin,
                "full_name": person.name,
                "birth_date": born,
            } | changes
        return await self.send("POST", path, token, proof, body, key)

    async def events(self, key: UUID | str) -> list[tuple[str, Any]]:
        """Return what was told of one key, by the short names of its types."""
        return [
            (type_.removeprefix("identity.").removesuffix(".v1"), data) for type_, data in await super().events(key)
        ]

    @asynccontextmanager
    async def tx(self) -> AsyncGenerator[Tx]:
        """Open a transaction."""
        async with self.db.transaction() as tx:
            yield tx

    def received(self, type_: str, data: dict[str, Any]) -> Received:
        """Make an event of another service as the consumer hands it over."""
        self.number += 1
        return Received(
            source=type_.partition(".")[0], type=type_, id=ids.new(), key="k", time=clock.now(), sequence=self.number,
            previous=self.number - 1, partition=0, data=data, canonical=b"", signature=b"", kid="k",
        )  # fmt: skip


def back(answer: httpx2.Response) -> dict[str, str]:
    """Return the parameters with which a browser is sent back to the client."""
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.fixture(scope="session")
async def composed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    folder = tmp_path_factory.mktemp("identity")
    await migrate(stack.databases["identity"].owner, "identity")
    keyring = Keyring(folder / "keys")
    clients = {name: ECKey.import_key(keyring.p256(f"client-{name}").read_bytes()) for name in MANDATES}
    service = compose(_settings(stack, folder, keyring))
    keys = {name: ServiceKey.load(folder / f"{name}.pem") for name in ("consent", "reuse", "audit")}
    vneid, reuse, consent = Vneid(), Reuse(), Consent(keys["consent"])
    parts: Parts = service.app.state.parts
    parts.vneid.transport = httpx2.ASGITransport(vneid.app)
    parts.reuse._client.http = played(reuse.app)
    parts.consent._client.http = played(consent.app)
    service.db = await Database.connect(service.settings.dsn())
    await register(service.db, service.registered, clock.now())
    yield World(service, keys, vneid, reuse, consent, clients)
    for close in reversed(service.on_close):
        await close()
    await service.db.close()


@pytest.fixture
def world(composed: World) -> World:
    """Identity with everybody around it well-behaved."""
    composed.vneid.calm()
    composed.parts.vneid._metadata = None
    composed.reuse.down = composed.consent.down = composed.consent.older = False
    composed.consent.refuses = None
    composed.consent.grants.clear()
    return composed


def _settings(stack: Stack, folder: Path, keyring: Keyring) -> Settings:
    clients_file = folder / "clients.yaml"
    registered = [_registration(name, keyring, mandates) for name, mandates in MANDATES.items()]
    clients_file.write_text(yaml.safe_dump({"clients": registered}, allow_unicode=True), "utf-8")
    own: dict[str, Any] = {
        "database_url": stack.databases["identity"].service,
        "kafka_bootstrap": stack.kafka.bootstrap,
        "token_key_file": keyring.rsa("token"),
        "kek_file": keyring.secret("kek"),
        "index_key_file": keyring.secret("index"),
        "clients_file": clients_file,
        "vneid_issuer": ISSUER,
        "vneid_client_id": CLIENT_ID,
        "vneid_client_key_file": keyring.p256("vneid-client"),
    }
    return Settings(**make_values(folder, "identity", "consent", "reuse", "audit") | own)


def _registration(name: str, keyring: Keyring, mandates: list[dict[str, Any]]) -> dict[str, Any]:
    kind = "first_party" if name == "consent" else "city_system"
    uris = [f"{ORIGIN}/consent/callback"] if name == "consent" else ["https://city.invalid/callback?desk=1"]
    keys = jwks([SigningKey.load(keyring.p256(f"client-{name}"))])
    return {"client_id": name, "name": f"Hệ thống {name}", "kind": kind, "jwks": json.loads(json.dumps(keys)),
            "redirect_uris": uris, "mandates": mandates}  # fmt: skip
