"""Reuse as it is composed, on a real PostgreSQL, with identity, consent and registries doubled at its clients."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from infra.embedded.keyring import Keyring
from infra.embedded.stack import Stack
from services.reuse.__main__ import compose
from services.reuse.consumer import HANDLERS
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, SubjectId
from services.reuse.parts import Parts
from services.reuse.settings import Settings
from shared import clock, ids
from shared.db import Database
from shared.events import Received
from shared.issuer_keys import IssuerKeys
from shared.keys import ServiceKey
from shared.migrations import migrate
from shared.tokens import TokenVerifier
from tests.services.composed import CityCalled, played
from tests.services.reuse.doubles import PERSON, Consent, Identity, Registries, grant_json
from tests.shared.credentials import ORIGIN, Holder, Issuer, make_values

AUDIENCE = f"{ORIGIN}/reuse"
HONG_AN = {"uid": "ag-000101", "name": "Ủy ban nhân dân phường Hồng An", "sector": "justice"}
NGO_QUYEN = {"uid": "ag-000201", "name": "Ủy ban nhân dân phường Ngô Quyền", "sector": "justice"}
BUSINESS = {"uid": "ag-000301", "name": "Phòng Kinh tế, Hạ tầng và Đô thị phường Ngô Quyền", "sector": "business"}
PARTITION = 0


@dataclass
class Opened:
    """A dossier that was opened, by roles."""

    uid: str
    answer: dict[str, Any]

    def party(self, role: str) -> str:
        """Return the party that holds a role."""
        return next(p["party_uid"] for p in self.answer["parties"] if role in p["roles"])

    def attributes_of(self, role: str, basis: str = "legal_basis") -> list[str]:
        """Return what is asked of a party on a basis."""
        mine = [c for c in self.answer["components"] if c["party_uid"] == self.party(role) and c["basis"] == basis]
        return sorted({name for component in mine for name in component["attributes"]})


@dataclass
class World(CityCalled):
    """One composed reuse, and everybody around it."""

    identity: Identity
    consent: Consent
    registries: Registries

    @property
    def parts(self) -> Parts:
        """What its use cases are given."""
        return self.service.app.state.parts

    async def open(self, *, claims: dict[str, Any] | None = None, **changes: Any) -> Opened:
        """Open a birth registration, or what is told otherwise."""
        body = {
            "client_ref": f"ref-{ids.new()}",
            "procedure": "1.001193",
            "channel": "online",
            "receiving": "ag-000101",
            "competent": "ag-000101",
            "facts": {"parents_married": True},
            "parties": [
                {"ref": "child", "roles": ["child"], "represented_by": "mother"},
                {"ref": "mother", "roles": ["mother", "applicant"]},
                {"ref": "father", "roles": ["father"]},
            ],
        } | changes
        answer = await self.ask("POST", "/reuse/dossiers", body, **(claims or {}))
        assert answer.status_code == 201, answer.text
        return Opened(answer.json()["dossier_uid"], answer.json())

    async def open_shop(self) -> Opened:
        """Open the registration of a household business, at another agency and by another system."""
        return await self.open(
            claims=SHOP, procedure="1.001612", receiving="ag-000301", competent="ag-000301", facts={},
            parties=[{"roles": ["owner", "applicant"]}],
        )  # fmt: skip

    def grant_of_law(self, opened: Opened, role: str, subject_id: UUID, **changes: Any) -> Grant:
        """Make a grant of law over all that is asked of a party by law."""
        rule = next(c["rule"] for c in opened.answer["components"] if c["rule"])
        return replace(
            _grant(subject_id),
            kind="legal_basis",
            sub=f"pairwise-{subject_id.hex[-12:]}",
            client_id=opened.answer.get("client_id", _client_of(opened)),
            agency_uid=opened.answer["receiving"]["uid"],
            dossier_uid=DossierUid(UUID(opened.uid)),
            party_uid=PartyUid(UUID(opened.party(role))),
            attributes=tuple(AttributeId(a) for a in opened.attributes_of(role)),
            rule_id=rule["id"],
            rule_version=rule["version"],
            letter=rule["letter"],
            legal_refs=tuple(rule["legal_refs"]),
            **changes,
        )

    def retention(self, subject_id: UUID, *attributes: str, **changes: Any) -> Grant:
        """Make a consent to keep."""
        return replace(
            _grant(subject_id), scope="retention", purpose_id="keep_for_next_procedure", purpose_version=1,
            attributes=tuple(AttributeId(a) for a in attributes), **changes,
        )  # fmt: skip

    async def arrives(self, grant: Grant, what: str = "granted") -> None:
        """Let consent know a grant, and its event be consumed."""
        self.consent.grants[grant.grant_id] = grant
        event = Received(
            source="consent", type=f"consent.{what}.v1", id=ids.new(), key=str(grant.subject_id), time=clock.now(),
            sequence=1, previous=0, partition=PARTITION, data={"grant": grant_json(grant), "actor": None},
            canonical=b"", signature=b"", kid="",
        )  # fmt: skip
        async with self.db.transaction() as tx:
            await HANDLERS[event.type](tx, event)

    async def ends(self, grant: Grant, state: Any = "withdrawn") -> Grant:
        """Let a grant end, and its event arrive."""
        ended = replace(grant, state=state, version=grant.version + 1)
        event = {"withdrawn": "withdrawn", "expired": "expired", "ended": "legal-basis-ended"}[state]
        await self.arrives(ended, event)
        return ended

    async def watermark(self, *, seconds_ago: float = 0.0, frozen: bool = False) -> None:
        """Let everything that consent committed before a moment have been consumed."""
        await self.execute(
            """INSERT INTO reader_watermark (source, partition, number, t, last, frozen, canonical, signature, kid)
               VALUES ('consent', $1, 1, clock_timestamp() - make_interval(secs => $2), 1, $3, '', '', '')
               ON CONFLICT (source, partition) DO UPDATE SET t = excluded.t, frozen = excluded.frozen""",
            PARTITION, seconds_ago, frozen,
        )  # fmt: skip

    async def mother(self, opened: Opened, role: str = "mother", **changes: Any) -> tuple[UUID, Grant]:
        """Let a party have logged in and continued: her claims wait, her grant of law has arrived."""
        subject_id = self.identity.knows(opened.party(role), **changes)
        grant = self.grant_of_law(opened, role, subject_id)
        self.identity.holds_claims(opened.party(role), {a: PERSON[a] for a in grant.attributes if a in PERSON})
        await self.arrives(grant)
        await self.watermark()
        return subject_id, grant

    async def collect(self, opened: Opened, role: str = "mother", **claims: Any) -> dict[str, dict[str, Any]]:
        """Collect for a party; returns her plan by component."""
        body = {"party_uid": opened.party(role)}
        answer = await self.ask("POST", f"/reuse/dossiers/{opened.uid}/collection", body, **claims)
        assert answer.status_code == 200, answer.text
        return {item["component_id"]: item for item in answer.json()["components"]}

    async def plan(self, opened: Opened, **claims: Any) -> dict[str, dict[str, Any]]:
        """Plan; returns it by component, of the last party where one is asked of two."""
        answer = await self.ask("GET", f"/reuse/dossiers/{opened.uid}/plan", **claims)
        assert answer.status_code == 200, answer.text
        return {item["component_id"]: item for item in answer.json()["components"]}

    async def release(
        self, opened: Opened, *component_ids: str, role: str = "mother", fresh: bool = True, **claims: Any
    ) -> httpx2.Response:
        """Ask for a release, with a watermark of just now unless told otherwise."""
        if fresh:
            await self.watermark()
        body: dict[str, Any] = {"party_uid": opened.party(role)}
        if component_ids:
            body["component_ids"] = list(component_ids)
        return await self.ask("POST", f"/reuse/dossiers/{opened.uid}/releases", body, **claims)

    async def judge(
        self, opened: Opened, component_id: str, what: str = "acceptance", **claims: Any
    ) -> httpx2.Response:
        """Accept or reject."""
        body = {"reason": "record_ended"} if what == "rejection" else {}
        return await self.ask("POST", f"/reuse/dossiers/{opened.uid}/components/{component_id}/{what}", body, **claims)


SHOP: dict[str, Any] = {
    "client_id": "business-system",
    "sub": "business-system",
    "agency": BUSINESS,
    "mandate": {"id": "m-000301", "kind": "procedure", "procedures": ["1.001612"], "until": None},
}


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json().get("code", "")


def claims_of(answer: httpx2.Response) -> dict[str, Any]:
    """Read a release without verifying it."""
    assert answer.status_code == 200, answer.text
    body = answer.json()["release"].split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def released_attributes(answer: httpx2.Response) -> set[str]:
    """Return what a release is about."""
    return {each["attribute"] for each in claims_of(answer)["provenance"]}


async def until_it_waits(world: World, task: asyncio.Task[Any]) -> None:
    """Wait until a task waits for a lock, or has not waited."""
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')"
    while not task.done() and not await world.value(waits):  # noqa: ASYNC110 - its news come by SQL alone
        await asyncio.sleep(0.01)


def _client_of(opened: Opened) -> str:
    return "business-system" if opened.answer["procedure"] == "1.001612" else "justice-system"


def _grant(subject_id: UUID) -> Grant:
    now = clock.now()
    return Grant(
        grant_id=GrantId(ids.new()), version=1, state="granted", kind="consent", scope="release",
        subject_id=SubjectId(subject_id), sub=None, client_id=None, agency_uid=None, dossier_uid=None, party_uid=None,
        attributes=(), opted_out=(), purpose_id=None, purpose_version=None, rule_id=None, rule_version=None,
        letter=None, legal_refs=(), valid_from=now - timedelta(seconds=5), valid_until=now + timedelta(days=90),
        use_budget=None,
    )  # fmt: skip


@pytest.fixture(scope="session")
async def composed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    folder = tmp_path_factory.mktemp("reuse")
    await migrate(stack.databases["reuse"].owner, "reuse")
    service = compose(_settings(stack, folder))
    keys = {name: ServiceKey.load(folder / f"{name}.pem") for name in ("identity", "consent", "audit")}
    world = World(service, keys, Issuer(), Holder(), Identity(), Consent(keys["consent"]), Registries())
    service.verifier = TokenVerifier(
        issuer=f"{ORIGIN}/identity", audience=AUDIENCE, keys=IssuerKeys(_fetch(world.issuer))
    )
    service.db = await Database.connect(service.settings.dsn())
    yield world
    for close in reversed(service.on_close):
        await close()
    await service.db.close()


@pytest.fixture
async def world(composed: World) -> World:
    """Give each test doubles that know nothing, clocks that agree, and a log that keeps up."""
    parts = composed.parts
    composed.identity, composed.consent = Identity(), Consent(composed.keys["consent"])
    composed.registries = Registries()
    parts.identity._client.http = played(composed.identity.app)
    parts.consent._client.http = played(composed.consent.app)
    parts.registries.http = played(composed.registries.app)
    await composed.execute(
        """INSERT INTO clock_check (measured_at, offset_ms, within) VALUES (clock_timestamp(), 0, true)
           ON CONFLICT (consent) DO UPDATE SET measured_at = excluded.measured_at, within = true"""
    )
    await composed.watermark()
    return composed


def _settings(stack: Stack, folder: Path) -> Settings:
    keyring = Keyring(folder / "keys")
    values: dict[str, Any] = make_values(folder, "reuse", "identity", "consent", "audit")
    own = {
        "database_url": stack.databases["reuse"].service,
        "kafka_bootstrap": stack.kafka.bootstrap,
        "release_key_file": keyring.p256("release"),
        "kek_file": keyring.secret("kek"),
        "registries_url": "http://127.0.0.1:8090/registries",
    }
    return Settings.model_validate(values | own)


def _fetch(issuer: Issuer) -> Any:
    async def fetch() -> object:
        return issuer.jwks()

    return fetch
