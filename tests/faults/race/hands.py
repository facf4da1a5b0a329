"""What the racers do over HTTP: a city system asks for releases, a citizen withdraws on her own page."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

import httpx2
from joserfc.jwk import ECKey

from infra.client.city_system import CitySystem, officer
from infra.client.tokens import Token
from shared import clock
from tests.faults.kills.persistence import persist
from tests.faults.processes import System
from tests.faults.race.asking import Lines, NoAnswer
from tests.faults.race.citizens import AGENCY, Citizen
from tests.faults.race.signed import Receipt, Release, Verifier

_RENEW = 200  # seconds: a token lives for 300
_TOKENS = 4  # several systems' worth of keys, so that nothing depends on one


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got for one request: a release, or the code of a refusal."""

    release: Release | None
    code: str

    @property
    def is_final(self) -> bool:
        """Whether it says for good that there is no right to it any more: trying again would be no use."""
        return self.code in ("consent_withdrawn", "keeping_withdrawn", "evidence_not_held")


class Hands:
    """One client process: its connections, its tokens, and the public keys it verifies what it gets with."""

    def __init__(self, running: System, http: httpx2.AsyncClient, verifier: Verifier) -> None:
        self._running, self._http, self._verifier = running, http, verifier
        self._lines = Lines()
        self._tokens: list[Token] = []
        self._renewing = asyncio.Lock()
        self.reuse, self.consent = [running["reuse"].url], [running["consent"].url]
        self._turn = 0
        self.asked = 0
        """How many releases were asked for."""

    async def release(self, citizen: Citizen, client: int = 0) -> Answer:
        """Ask once for what the citizen's dossier may have; `client` chooses token and replica."""
        path = f"/reuse/dossiers/{citizen.dossier_uid}/releases"
        token = (await self._fresh_tokens())[client % _TOKENS]
        proof = token.key.proof("POST", self._running.ports.origin + path, token.access_token)
        headers = {"Authorization": f"DPoP {token.access_token}", "DPoP": proof}
        self.asked += 1
        url, asked_at = self.reuse[client % len(self.reuse)] + path, clock.now()
        try:
            status, told = await self._lines.post(url, b'{"party_uid":"%s"}' % str(citizen.party_uid).encode(), headers)
        except NoAnswer as error:
            return Answer(None, str(error))
        body = cast("dict[str, str]", json.loads(told))
        if status != 200:
            return Answer(None, str(body.get("code")))
        return Answer(self._verifier.release(body["release"], citizen, asked_at), "")

    def close(self) -> None:
        """Let go of the connections."""
        self._lines.close()

    async def withdraw(self, citizen: Citizen) -> str | None:
        """Press the button on her page; returns where the receipt lies, None when no answer came."""
        url = f"{self._consents()}/consent/grants/{citizen.grant_id}/withdrawal"
        headers = {"Origin": self._running.ports.origin, "Cookie": _cookies(citizen)}
        try:
            answer = await self._http.post(url, data={"csrf": citizen.csrf}, headers=headers)
        except httpx2.TransportError:
            return None
        if answer.status_code != 303:
            raise AssertionError(f"a withdrawal was answered {answer.status_code}: {answer.text}")
        return answer.headers["location"]

    async def receipt(self, citizen: Citizen, location: str) -> Receipt:
        """Fetch the signed receipt the page leads to."""
        for _ in self.consent:
            url = f"{self._consents()}/consent/receipts/{location.rpartition('/')[2]}"
            with suppress(httpx2.TransportError):
                answer = await self._http.get(url, headers={"Cookie": _cookies(citizen)})
                return self._verifier.receipt(answer.raise_for_status().text, citizen)
        raise httpx2.ConnectError("no replica of consent answers")

    def _consents(self) -> str:
        """Return the replica of consent whose turn it is; her receipt may be another's than the one she told."""
        self._turn += 1
        return self.consent[self._turn % len(self.consent)]

    async def alarms(self, process: str) -> dict[str, int]:
        """Return what a service's /health says must be looked at."""
        answer = await self._http.get(f"{self._running[process].url}/health")
        return cast("dict[str, int]", answer.raise_for_status().json()["alarms"])

    async def _fresh_tokens(self) -> list[Token]:
        async with self._renewing:
            if not self._tokens or self._tokens[0].expires_at - time.time() < 300 - _RENEW:
                key = ECKey.import_key(self._running.keyring.p256("client-justice-system").read_bytes())
                origin, callback = self._running.ports.origin, f"{self._running.ports.simulators_origin}/city/callback"
                system = CitySystem("justice-system", key, origin, callback, http=self._http)
                actor = officer("cb-0101-07", "Công chức tư pháp - hộ tịch")
                self._tokens = [await persist(lambda: system.officer_token(AGENCY[0], actor)) for _ in range(_TOKENS)]
        return self._tokens


def _cookies(citizen: Citizen) -> str:
    return "; ".join(f"{name}={value}" for name, value in citizen.cookies.items())


@asynccontextmanager
async def hands(running: System) -> AsyncGenerator[Hands]:
    """Open the clients' connections; keys to verify with are those the services publish."""
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=200, keepalive_expiry=3)
    async with httpx2.AsyncClient(timeout=15, limits=limits, trust_env=False) as http:
        keys = [(await http.get(f"{running[name].url}/{name}/jwks")).json() for name in ("reuse", "consent")]
        using = Hands(running, http, Verifier(running.ports.origin, *keys))
        try:
            yield using
        finally:
            using.close()
