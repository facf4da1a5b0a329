"""Clients that do not give up: what fails for a while is asked again, under the same Idempotency-Key if it has one."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
from joserfc.jwk import ECKey

from infra.client.browser import Browser
from infra.client.city_system import Actor, CitySystem
from infra.client.gateway import Gateway, Json, Refused
from infra.client.keys import ClientKey
from infra.client.oauth import AuthorizationServer, Service
from infra.client.tokens import Flow, Token
from infra.demo.cast import Cast, Office
from infra.demo.people import Person
from tests.faults.kills.ledger import Ledger

T = TypeVar("T")

PATIENCE_SECONDS = 180.0
IN_FLIGHT = "request_in_flight"
_FOR_A_WHILE = {502, 503, 504}
_CLOCK_IS_WRONG = {"invalid_dpop_proof", "invalid_client"}
"""What a process whose clock was put wrong finds old or not made yet, and another one, or it itself later, does not."""


async def persist(ask: Callable[[], Awaitable[T]], *, but: frozenset[str] = frozenset()) -> T:
    """Ask until there is an answer that is not a passing failure. Raises Refused for any other, or a code in `but`."""
    end, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
    while True:
        try:
            return await ask()
        except Refused as refused:
            if not _is_passing(refused) or refused.code in but or time.monotonic() > end:
                raise
        except httpx2.TransportError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def _is_passing(refused: Refused) -> bool:
    return refused.status in _FOR_A_WHILE or refused.retryable or refused.code in _CLOCK_IS_WRONG


class PersistentGateway(Gateway):
    """The gateway as a client sees it that repeats a request until it is answered, and keeps what it was told."""

    def __init__(self, origin: str, http: httpx2.AsyncClient, ledger: Ledger) -> None:
        super().__init__(origin, http)
        self.ledger = ledger

    async def get_public(self, path: str) -> Json:
        """Read until answered."""
        read = super().get_public
        return await persist(lambda: read(path))

    async def call(
        self,
        token: Token,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Call until answered; each try with a proof of its own and the same key."""
        key, ask = idempotency_key or str(uuid4()), super().call
        self.ledger.asked[path.rpartition("/")[2]] += 1

        async def once() -> Json:
            self._tried(path, query)
            return await ask(token, method, path, body=body, query=query, idempotency_key=key)

        # Whose process died over it keeps its key claimed for two minutes: the caller can let them pass.
        answer = await persist(once, but=frozenset({IN_FLIGHT} if path.endswith("/collection") else ()))
        if method == "POST":
            self.ledger.answered(path, body or {}, answer)
        self._was_read(path, query)
        return answer

    async def read_text(self, token: Token, path: str, query: Mapping[str, str] | None = None) -> str:
        """Read until answered."""
        read = super().read_text

        async def once() -> str:
            self._tried(path, query)
            return await read(token, path, query)

        answer = await persist(once)
        self._was_read(path, query)
        return answer

    def _was_read(self, path: str, query: Mapping[str, str] | None) -> None:
        if path.startswith("/audit/"):
            self.ledger.promise("audit.read.v1", (query or {})["case_no"])

    def _tried(self, path: str, query: Mapping[str, str] | None) -> None:
        if path.startswith("/audit/"):
            self.ledger.read[(query or {})["case_no"]] += 1


class PersistentSystem(CitySystem):
    """A city system that repeats what was not answered."""

    def __init__(self, client_id: str, key: ECKey, cast: Cast, ledger: Ledger) -> None:
        ports = cast.laptop.ports
        callback = f"{ports.simulators_origin}/city/callback"
        super().__init__(client_id, key, ports.origin, callback, http=cast.http)
        self._gateway = PersistentGateway(ports.origin, cast.http, ledger)
        self._server = AuthorizationServer(self._gateway, ClientKey(client_id, key), callback)

    async def officer_token(self, agency_uid: str, actor: Actor, service: Service = "reuse") -> Token:
        """Get a token, with another assertion for each try."""
        ask = super().officer_token
        return await persist(lambda: ask(agency_uid, actor, service))

    async def begin_login(
        self,
        *,
        agency_uid: str,
        dossier_uid: str,
        party_uid: str,
        attributes: Sequence[str],
        service: Service = "reuse",
        ui_locales: str | None = None,
    ) -> Flow:
        """Push the request until it is taken."""
        ask = super().begin_login
        return await persist(
            lambda: ask(
                agency_uid=agency_uid, dossier_uid=dossier_uid, party_uid=party_uid, attributes=attributes,
                service=service, ui_locales=ui_locales,
            )
        )  # fmt: skip

    async def finish_login(self, flow: Flow, callback_url: str) -> Token:
        """Trade the code; one whose trade was not answered may be used up."""
        ask = super().finish_login
        return await persist(lambda: ask(flow, callback_url))


class PatientTransport(httpx2.AsyncHTTPTransport):
    """A person before a page that says "not now": she presses reload."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send until the answer is another, or her patience is over."""
        end, pause = time.monotonic() + PATIENCE_SECONDS, 0.2
        while True:
            answer = await super().handle_async_request(request)
            if answer.status_code not in _FOR_A_WHILE or time.monotonic() > end:
                return answer
            await answer.aclose()
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 1.0)


@dataclass(frozen=True)
class PersistentCast(Cast):
    """Everybody, none of whom gives up."""

    @asynccontextmanager
    async def person(self, persona: str) -> AsyncGenerator[Person]:
        """Let somebody take out her phone."""
        stop_at = f"{self.laptop.ports.simulators_origin}/city/callback"
        async with Browser(transport=PatientTransport(), stop_at=stop_at) as browser:
            yield Person(persona, browser)


def persistent(cast: Cast, ledger: Ledger) -> PersistentCast:
    """Make a cast persistent, and have it keep what it is told."""

    def stubborn(office: Office) -> Office:
        client_id = office.system._client_id
        key = ECKey.import_key(cast.laptop.keyring.p256(f"client-{client_id}").read_bytes())
        return replace(office, system=PersistentSystem(client_id, key, cast, ledger))

    offices: dict[str, Any] = {
        name: stubborn(value) if isinstance(value, Office) else value for name, value in vars(cast).items()
    }
    return PersistentCast(**offices)
