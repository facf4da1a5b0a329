"""Audit as it is composed: who may look, that each look is an event, and that what is carried away verifies offline."""

import base64
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from infra.embedded.keyring import Keyring
from infra.embedded.stack import Stack
from services.audit.__main__ import compose
from services.audit.domain.bundle import Bundle
from services.audit.domain.leaf import Leaf
from services.audit.domain.merkle import leaf_hash
from services.audit.domain.note import Checkpoint, NoteKey
from services.audit.domain.verification import verify
from services.audit.service import sequencing
from services.audit.settings import Settings
from services.audit.verify import read_trust
from shared import clock
from shared.db import Database
from shared.guards import public_routes
from shared.issuer_keys import IssuerKeys
from shared.keys import jwks
from shared.service import Service
from shared.tokens import TokenVerifier
from tests.contract.events import assert_event_matches_schema
from tests.services.audit.log import verify_inclusion
from tests.services.audit.test_log import SOURCE_KEY, keep, make_event
from tests.shared.credentials import ORIGIN, Holder, Issuer, make_values

pytestmark = pytest.mark.stack

CASE = {"case_no": "TTr-2026/17", "purpose": "inspection"}
MANDATE: dict[str, Any] = {"id": "m-000901", "kind": "audit", "procedures": []}
INSPECTORATE = {"uid": "ag-000901", "name": "Thanh tra thành phố Hải Phòng", "sector": "inspection"}


@dataclass
class Desk:
    """The composed service, and an inspector's system before it."""

    service: Service
    http: httpx2.AsyncClient
    key: NoteKey
    issuer: Issuer
    holder: Holder = field(default_factory=Holder)

    async def get(self, path: str, query: dict[str, Any] | None = None, **claims: Any) -> httpx2.Response:
        """Ask as an inspector; `claims` change her token."""
        now = clock.now()
        issued: dict[str, Any] = {"aud": f"{ORIGIN}/audit", "mandate": MANDATE, "agency": INSPECTORATE} | claims
        token = self.issuer.issue(self.holder, at=now, **issued)
        proof = self.holder.prove(token, at=now, htu=f"{ORIGIN}{path}")
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        return await self.http.get(path, params=CASE if query is None else query, headers=headers)

    async def seal(self) -> None:
        """Take what was kept into the tree."""
        await sequencing.sequence(self.service.db, key=self.key, now=clock.now())

    async def own_events(self) -> list[dict[str, Any]]:
        """Return what audit has told so far; each is held to its schema."""
        async with self.service.db.read() as tx:
            rows = await tx.fetch("SELECT type, data FROM outbox ORDER BY position")
        for row in rows:
            assert_event_matches_schema(row["type"], row["data"])
        return [row["data"] for row in rows]


@pytest.fixture
async def desk(db: Database, migrated: Stack, tmp_path: Path) -> AsyncGenerator[Desk]:
    keyring, issuer = Keyring(tmp_path / "keys"), Issuer()
    values = make_values(tmp_path, "audit")
    values["database_url"] = migrated.databases["audit"].service
    values["log_key_file"], values["log_origin"] = keyring.ed25519("log"), "test.example/log"
    settings = Settings(**values)
    service = compose(settings)

    async def fetch() -> dict[str, Any]:
        return issuer.jwks()

    service.verifier = TokenVerifier(issuer=settings.issuer, audience=f"{ORIGIN}/audit", keys=IssuerKeys(fetch))
    service.db = db
    key = NoteKey.of_pem("test.example/log", keyring.ed25519("log").read_bytes())
    async with AsyncExitStack() as opened:
        transport = httpx2.ASGITransport(service.app)
        http = await opened.enter_async_context(httpx2.AsyncClient(transport=transport, base_url=ORIGIN))
        yield Desk(service, http, key, issuer)


async def test_a_look_at_the_log_leaves_its_trace_with_case_reader_and_mandate(desk: Desk) -> None:
    """I10, R16: the event is there as soon as the answer is."""
    await keep(desk.service.db, [make_event(1), make_event(2)])
    await desk.seal()
    answer = await desk.get("/audit/events", CASE | {"type": "consent.happened.v1"})
    assert answer.status_code == 200
    assert [event["event"]["type"] for event in answer.json()["events"]] == ["consent.happened.v1"] * 2
    [trace] = await desk.own_events()
    assert (trace["case_no"], trace["officer_ref"], trace["mandate_id"]) == ("TTr-2026/17", "off-7", "m-000901")
    assert (trace["kind"], trace["count"], trace["filters"]) == ("events", 2, {"type": "consent.happened.v1"})


async def test_nothing_is_read_without_the_event_that_says_so(desk: Desk, migrated: Stack) -> None:
    """I10, R16, refusing: where the trace cannot be written, nothing is shown."""
    await keep(desk.service.db, [make_event(1)])
    await desk.seal()
    owner = await asyncpg.connect(migrated.databases["audit"].owner)
    await owner.execute("ALTER TABLE outbox ADD CONSTRAINT full_up CHECK (type <> 'audit.read.v1') NOT VALID")
    try:
        refused = [await desk.get(path) for path in ("/audit/events", "/audit/bundle")]
    finally:
        await owner.execute("ALTER TABLE outbox DROP CONSTRAINT full_up")
        await owner.close()
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(500, "internal_error")] * 2
    assert "consent.happened.v1" not in refused[0].text + refused[1].text


@pytest.mark.parametrize(
    "claims",
    [
        {"mandate": {"id": "m-000101", "kind": "procedure", "procedures": ["1.001193"]}},
        {"actor": {"kind": "automated"}},
        {"actor": {"kind": "officer"}},
    ],
)
async def test_only_an_officer_under_an_audit_mandate_may_look(desk: Desk, claims: dict[str, Any]) -> None:
    """R1: and a refused look opens nothing and leaves no trace of a reading that was none."""
    await keep(desk.service.db, [make_event(1)])
    await desk.seal()
    for path in ("/audit/events", "/audit/bundle"):
        refused = await desk.get(path, **claims)
        assert (refused.status_code, refused.json()["code"]) == (403, "audit_mandate_required")
    assert await desk.own_events() == []


async def test_a_token_for_another_service_does_not_open_the_log(desk: Desk) -> None:
    """I8."""
    refused = await desk.get("/audit/events", aud=f"{ORIGIN}/reuse")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


@pytest.mark.parametrize(
    "query",
    [{}, {"case_no": CASE["case_no"]}, {"purpose": CASE["purpose"]}, CASE | {"case_no": "' OR 1=1"}],
)
async def test_without_a_case_number_and_a_purpose_nothing_is_read(desk: Desk, query: dict[str, Any]) -> None:
    await keep(desk.service.db, [make_event(1)])
    await desk.seal()
    refused = await desk.get("/audit/events", query)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert await desk.own_events() == []


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "xem dữ liệu của bà Hòa"},
        {"purpose": "xem dữ liệu của 032194004217"},
        {"case_no": "032194004217"},
        {"after": 1 << 63},
        {"type": "\0"},
        {"from": "2026-03-02T03:04:05"},  # whose midnight?
        {"until": "1772420645"},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-14:00"},
        {"dosier_uid": "0199f3c2-7a00-7002-8a00-000000000002"},  # mistyped, it would open everything
        {"limit": ["1", "200"]},
    ],
)
async def test_a_question_that_cannot_be_meant_opens_nothing(desk: Desk, change: dict[str, Any]) -> None:
    await keep(desk.service.db, [make_event(1)])
    await desk.seal()
    refused = await desk.get("/audit/events", CASE | change)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert "032194004217" not in refused.text
    assert await desk.own_events() == []


async def test_a_number_that_no_leaf_can_have_has_no_proof(desk: Desk) -> None:
    refused = await desk.get("/audit/proofs/inclusion", CASE | {"source": "consent", "sequence": 1 << 63})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")


async def test_an_empty_log_says_so_and_when_to_come_back(desk: Desk) -> None:
    for path, query in ("/audit/events", CASE), ("/audit/bundle", CASE), ("/audit/checkpoint", {}):
        answer = await desk.get(path, query)
        assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "nothing_sealed", True)


async def test_pages_follow_each_other_without_losing_or_repeating_an_event(desk: Desk) -> None:
    await keep(desk.service.db, [make_event(number) for number in range(1, 8)])
    await desk.seal()
    seen, after = list[int](), 0
    while after is not None:
        page = (await desk.get("/audit/events", CASE | {"after": after, "limit": 3})).json()
        seen += [event["leaf_index"] for event in page["events"]]
        after = page["next_after"]
    assert seen == list(range(7))


async def test_what_an_auditor_carries_away_verifies_with_keys_she_brought(desk: Desk) -> None:
    await keep(desk.service.db, [make_event(number) for number in range(1, 6)])
    await desk.seal()
    bundle = Bundle.load((await desk.get("/audit/bundle")).text)
    trust = read_trust({"log": str(desk.key.verifier), "sources": {"consent": jwks([SOURCE_KEY])}})
    findings = verify(bundle, trust, earlier=None, oldest=timedelta(minutes=5))
    wrong = [finding.text for finding in findings if not finding.holds]
    assert wrong == ["consent: no watermark that it signed, so nothing says how far its numbers went"]
    assert len(bundle.opened) == 5


async def test_a_bundle_says_whether_more_events_match_than_it_opens(desk: Desk) -> None:
    await keep(desk.service.db, [make_event(number) for number in range(1, 6)])
    await desk.seal()
    told = {limit: (await desk.get("/audit/bundle", CASE | {"limit": limit})).text for limit in (4, 5)}
    bundles = {limit: Bundle.load(text) for limit, text in told.items()}
    assert {limit: (len(each.opened), each.more) for limit, each in bundles.items()} == {4: (4, True), 5: (5, False)}


async def test_one_event_is_proved_by_a_tlog_proof(desk: Desk) -> None:
    await keep(desk.service.db, [make_event(number) for number in range(1, 6)])
    await desk.seal()
    proof = (await desk.get("/audit/proofs/inclusion", CASE | {"source": "consent", "sequence": 4})).text
    head, _, note = proof.partition("\n\n")
    checkpoint = Checkpoint.open(note, desk.key.verifier)
    lines = head.split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    bundle = Bundle.load((await desk.get("/audit/bundle")).text)
    leaf = bundle.leaves[3]
    assert Leaf.parse(leaf).sequence == 4
    hashes = [base64.b64decode(line) for line in lines[2:]]
    assert verify_inclusion(leaf_hash(leaf), index=3, size=5, proof=hashes, root=checkpoint.root)


async def test_an_event_that_is_not_in_the_tree_has_no_proof(desk: Desk) -> None:
    await keep(desk.service.db, [make_event(1)])
    await desk.seal()
    await keep(desk.service.db, [make_event(2)])
    for sequence in (2, 9):
        refused = await desk.get("/audit/proofs/inclusion", CASE | {"source": "consent", "sequence": sequence})
        assert (refused.status_code, refused.json()["code"]) == (404, "no_such_leaf")


async def test_only_what_tells_nothing_of_anybody_is_public(desk: Desk) -> None:
    assert {path for _, path in public_routes(desk.service.app) if path.startswith("/audit")} == {
        "/audit/checkpoint",
        "/audit/key",
    }
    assert (await desk.http.get("/audit/key")).text == f"{desk.key.verifier}\n"
