"""What tests do with any composed service: call it as others do, read what it told, look into its database."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import httpx2
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from shared import clock, inside
from shared.db import Database
from shared.keys import ServiceKey
from shared.service import Service
from tests.contract.events import assert_event_matches_schema
from tests.shared.credentials import ORIGIN, Holder, Issuer

S = TypeVar("S", bound=Service)


@dataclass
class Composed(Generic[S]):
    """One composed service on a real PostgreSQL; `keys` are those of the services that may call it."""

    service: S
    keys: dict[str, ServiceKey]

    @property
    def db(self) -> Database:
        """Its database."""
        return self.service.db

    def http(self) -> httpx2.AsyncClient:
        """Make a client of the application (a browser, for it keeps cookies); a bug in it is raised here."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.service.app), base_url=ORIGIN)

    async def call(self, caller: str, method: str, path: str, json: Any = None) -> httpx2.Response:
        """Call an inside route as another service."""
        assertion = inside.assertion(caller, self.service.name, self.keys[caller], clock.now())
        async with self.http() as http:
            return await http.request(method, path, json=json, headers={"authorization": f"Bearer {assertion}"})

    async def send(
        self, method: str, path: str, token: str, proof: str, json: Any = None, key: str | None = None
    ) -> httpx2.Response:
        """Send a request with these credentials, and an Idempotency-Key if there is one."""
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        if key:
            headers["idempotency-key"] = f'"{key}"'
        async with self.http() as http:
            return await http.request(method, path, json=json, headers=headers)

    async def events(self, key: UUID | str) -> list[tuple[str, Any]]:
        """Return what was told of one key, in order: the outbox is the seam. Each event fits its schema."""
        async with self.db.read() as tx:
            rows = await tx.fetch("SELECT type, key, data FROM outbox WHERE key = $1 ORDER BY position", str(key))
        for row in rows:
            assert_event_matches_schema(row["type"], row["data"], row["key"])
        return [(row["type"], row["data"]) for row in rows]

    async def execute(self, sql: str, *args: object) -> None:
        """Change its database behind its back."""
        async with self.db.transaction() as tx:
            await tx.execute(sql, *args)

    async def value(self, sql: str, *args: object) -> Any:
        """Read one value of its database."""
        async with self.db.read() as tx:
            return await tx.fetchval(sql, *args)


@dataclass
class CityCalled(Composed[Service]):
    """A service that city systems call with a token of identity's."""

    issuer: Issuer
    holder: Holder

    async def ask(
        self, method: str, path: str, json: Any = None, key: str | None = None, **claims: Any
    ) -> httpx2.Response:
        """Call a route as an officer's system of Hồng An ward, unless the token's claims are told otherwise."""
        now = clock.now()
        claims.setdefault("aud", f"{ORIGIN}/{self.service.name}")
        token = self.issuer.issue(self.holder, at=now, **claims)
        proof = self.holder.prove(token, at=now, htm=method, htu=f"{ORIGIN}{path}")
        return await self.send(method, path, token, proof, json, key)


class Dossiers:
    """Plays `reuse` for those who ask it for dossiers: knows those it was told."""

    def __init__(self) -> None:
        self.dossiers: dict[str, dict[str, Any]] = {}
        self.down = False
        self.app = FastAPI()

        @self.app.get("/internal/dossiers/{dossier_uid}")
        async def get_dossier(dossier_uid: str) -> Response:
            if self.down:
                return problem(503, "database_unavailable")
            told = self.dossiers.get(dossier_uid)
            return JSONResponse(told) if told else problem(404, "dossier_not_found")


def problem(status: int, code: str) -> Response:
    """Answer a problem as every service does."""
    told = {"code": code, "fault": "gateway", "retryable": status == 503, "status": status}
    return JSONResponse(told, status, media_type="application/problem+json")


def played(app: FastAPI) -> httpx2.AsyncClient:
    """Make a client that a played service answers."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1")
