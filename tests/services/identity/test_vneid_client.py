"""VNeID's client against a VNeID that fails: reads are tried once more, a code never; each failure is the source's."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.routing import Mount

from infra.client.browser import Browser
from infra.simulators import hostile
from infra.simulators.faults import Kind
from infra.simulators.personas import load_personas
from infra.simulators.vneid.app import make_vneid
from infra.simulators.vneid.clients import Client
from infra.simulators.vneid.keys import SigningKeys
from services.identity.clients.vneid import client as client_module
from services.identity.clients.vneid.client import Registration, Secrets, VneidClient
from services.identity.clients.vneid.dialect import read_dialect_a
from services.identity.domain.login import LoginFailed, Reason, VerifiedLogin
from shared import clock
from shared.keys import SigningKey
from tests.infra.befalling import Befalling, HostileTransport
from tests.services.identity.vneid import CLIENT_ID, ISSUER

CALLBACK = "http://localhost:8080/identity/vneid/callback"
MOTHER = load_personas()["mother"]
FAILURES = [Kind.LATE, Kind.ERROR, Kind.RESET, Kind.CUT, Kind.GARBLED, Kind.WRONG_TYPE]


@dataclass
class Meeting:
    """One client of VNeID, and VNeID."""

    asked: list[str] = field(default_factory=list[str])
    now: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
        public = ECKey.import_key(key.public_jwk())
        self.keys = SigningKeys(ECKey.generate_key("P-256", auto_kid=True))
        known = {CLIENT_ID: Client(CLIENT_ID, "Một Lần", public, frozenset({CALLBACK}))}
        vneid = make_vneid(ISSUER, self.keys, known, load_personas(), lambda: self.now)
        self.app = Starlette(routes=[Mount("/vneid", vneid)])
        self.client = VneidClient(Registration(ISSUER, CLIENT_ID, CALLBACK, key, "ES256", read_dialect_a))
        self.befall()

    def befall(self, fates: dict[str, Sequence[Kind]] | None = None, luck: int = 1) -> None:
        """Let these things befall what the client asks from here on."""
        meeting = self

        class Counted(HostileTransport):
            async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
                meeting.asked.append(request.url.path.removeprefix("/vneid/"))
                return await super().handle_async_request(request)

        self.client.transport = Counted(self.app, Befalling(fates or {}, luck))

    async def log_in(self) -> VerifiedLogin:
        """Log the mother in; only what the client asks may fail, her pages do not."""
        sent = Secrets(secrets.token_urlsafe(), secrets.token_urlsafe(), secrets.token_urlsafe(48))
        async with Browser(transport=httpx2.ASGITransport(app=self.app), stop_at=CALLBACK) as phone:
            await phone.open(await self.client.authorization_url(sent, self.now, language="vi"))
            await phone.press("mother")
            page = await phone.press("approve")
        code = dict(parse_qsl(urlsplit(page.url).query))["code"]
        return await self.client.log_in(code, sent, started_at=self.now, now=self.now)

    async def failure(self) -> Reason:
        """Return why the login fails."""
        with pytest.raises(LoginFailed) as failed:
            await self.log_in()
        return failed.value.reason


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    monkeypatch.setattr(hostile, "LATE_SECONDS", 0.001)
    return Meeting()


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.RESET, Kind.LATE])
@pytest.mark.parametrize("endpoint", ["discovery", "jwks", "userinfo"])
async def test_what_is_only_read_is_read_once_more(meeting: Meeting, endpoint: str, kind: Kind) -> None:
    meeting.befall({f"vneid.{endpoint}": [kind]})
    assert (await meeting.log_in()).keys.pin == MOTHER.pin


@pytest.mark.parametrize("kind", [Kind.ERROR, Kind.RESET, Kind.LATE])
async def test_a_code_is_traded_once_whatever_comes_of_it(meeting: Meeting, kind: Kind) -> None:
    meeting.befall({"vneid.token": [kind]})
    assert await meeting.failure() is Reason.SOURCE_UNAVAILABLE
    assert meeting.asked.count("token") == 1


@pytest.mark.parametrize("kind", FAILURES)
@pytest.mark.parametrize("endpoint", ["discovery", "jwks", "token", "userinfo"])
async def test_whatever_fails_at_vneid_is_the_sources_fault(meeting: Meeting, endpoint: str, kind: Kind) -> None:
    for luck in range(8):
        meeting.client._metadata = meeting.client._keys._fetched = None
        meeting.befall({f"vneid.{endpoint}": [kind, kind]}, luck)
        reason = await meeting.failure()
        assert reason in (Reason.SOURCE_UNAVAILABLE, Reason.RESPONSE_INVALID)
        assert reason.fault == "source"


@pytest.mark.parametrize("endpoint", ["discovery", "jwks", "token", "userinfo"])
async def test_an_answer_that_trickles_is_given_up(
    meeting: Meeting, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setattr(client_module, "LONGEST_CALL", 0.5)
    monkeypatch.setattr(hostile, "LATE_SECONDS", 3600)
    meeting.befall({f"vneid.{endpoint}": [Kind.LATE]})
    async with asyncio.timeout(5):
        assert await meeting.failure() is Reason.SOURCE_UNAVAILABLE


async def test_odd_but_legal_json_is_understood(meeting: Meeting) -> None:
    for luck in range(8):
        meeting.client._metadata = meeting.client._keys._fetched = None
        meeting.befall({f"vneid.{each}": [Kind.REWORDED] for each in ("discovery", "jwks", "token", "userinfo")}, luck)
        assert (await meeting.log_in()).keys.full_name == MOTHER.full_name


async def test_keys_may_rotate_at_every_login(meeting: Meeting) -> None:
    for _ in range(5):
        meeting.keys.rotate(True)
        assert (await meeting.log_in()).keys.pin == MOTHER.pin
    assert meeting.asked.count("jwks") == 5


async def test_a_key_that_is_no_longer_published_is_believed_until_the_next_look(meeting: Meeting) -> None:
    await meeting.log_in()
    signing = meeting.keys.current
    meeting.keys.rotate(False)
    published, meeting.keys._published = meeting.keys._published, [signing]
    assert (await meeting.log_in()).keys.pin == MOTHER.pin

    meeting.now += timedelta(minutes=10)
    meeting.keys.published = lambda: SigningKeys(published[0]).published()
    assert await meeting.failure() is Reason.RESPONSE_INVALID


async def test_after_a_vain_look_for_a_key_nobody_looks_for_a_while(meeting: Meeting) -> None:
    await meeting.log_in()
    old = meeting.keys.published()
    meeting.keys.rotate(False)
    meeting.keys.published = lambda: old
    for _ in range(3):
        assert await meeting.failure() is Reason.RESPONSE_INVALID
    assert meeting.asked.count("jwks") == 2
    meeting.now += timedelta(seconds=10)
    del meeting.keys.published
    assert (await meeting.log_in()).keys.pin == MOTHER.pin
