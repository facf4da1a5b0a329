"""A made-up service that is called from outside and from inside, and those who call it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx2
from fastapi import APIRouter, Depends

from infra.embedded.stack import Stack
from shared import clock, dpop, http, replay
from shared.errors import Conflict, NotFound
from shared.http import Body, Caller, Db, Presented, View
from shared.inside import (
    InsideCaller,
    ServiceClient,
    inside_caller,
)
from shared.issuer_keys import IssuerKeys
from shared.keys import ServiceKey
from shared.service import Service
from tests.shared.composing import make_service_settings
from tests.shared.credentials import ORIGIN, Holder, Issuer, write_service_key

ISSUER = Issuer()
HOLDER = Holder()


class Echo(View):
    who: str
    said: dict[str, str] = {}  # noqa: RUF012 - pydantic copies defaults


class Said(Body):
    word: str


class AlreadyThere(Conflict):
    code = "already_there"
    fault = "citizen"


def make_router(prefix: str) -> APIRouter:
    router = APIRouter()

    @router.get(f"/{prefix}/grants")
    async def list_grants(caller: Caller, after: int = 0) -> Echo:
        return Echo(who=caller.client_id, said={"after": str(after)} if after else {})

    @router.get(f"/{prefix}/releases")
    async def release(shown: Presented, db: Db) -> Echo:
        async with db.transaction() as tx:
            await replay.use_once(tx, dpop.REPLAY_KIND, shown.proof.key, shown.proof.expires)
        return Echo(who=shown.caller.client_id)

    @router.get("/internal/echo")
    async def echo(caller: Annotated[InsideCaller, Depends(inside_caller("identity"))], word: str = "") -> Echo:
        return Echo(who=caller.service, said={"word": word})

    @router.post("/internal/echo")
    async def post_echo(caller: Annotated[InsideCaller, Depends(inside_caller("identity"))], said: Said) -> Echo:
        match said.word:
            case "missing":
                raise NotFound
            case "conflict":
                raise AlreadyThere("twice")
            case "bug":
                raise ZeroDivisionError
            case _:
                return Echo(who=caller.service, said={"word": said.word})

    return router


@dataclass
class Running:
    service: Service
    folder: Path

    @property
    def url(self) -> str:
        return f"{ORIGIN}/{self.service.name}/grants"

    def token(self, **changes: Any) -> str:
        return ISSUER.issue(HOLDER, at=clock.now(), aud=f"{ORIGIN}/{self.service.name}", **changes)

    def headers(self, token: str, **changes: Any) -> dict[str, str]:
        changes = {"htu": self.url} | changes
        proof = HOLDER.prove(token, at=clock.now(), **changes)
        return {"authorization": f"DPoP {token}", "dpop": proof}

    def key(self, service: str) -> ServiceKey:
        return write_service_key(self.folder / f"{service}.pem")

    def client(self, caller: str = "identity", key: ServiceKey | None = None) -> ServiceClient:
        """Make a client that reaches the service without a network."""
        client = ServiceClient(caller, self.service.name, "http://inside", key or self.key(caller))
        client.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.service.app, raise_app_exceptions=False), base_url="http://inside"
        )
        return client


@asynccontextmanager
async def composed(stack: Stack, folder: Path) -> AsyncGenerator[Running]:
    """Compose and run a made-up service with a database of its own."""
    settings = await make_service_settings(stack, folder, "identity", "reuse")
    name = settings.service

    async def fetch() -> object:
        return ISSUER.jwks()

    app = http.make_app(settings, [make_router(name)], name)
    service = Service(name, app, settings, issuer_keys=IssuerKeys(fetch))
    async with service.running():
        yield Running(service, folder)
