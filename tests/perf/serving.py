"""The servers that are measured, each a process: `python -m tests.perf.serving <what> <told.json>`."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from starlette.types import ASGIApp, Receive, Scope, Send

from services.reuse.__main__ import compose
from services.reuse.settings import Settings
from shared import dpop, ids
from shared.issuer_keys import IssuerKeys
from shared.keys import SigningKey
from shared.service import Service, serve
from shared.settings import read_key
from shared.tokens import Presented, TokenVerifier
from shared.vault import Vault
from tests.perf.conventional.app import make_app as make_conventional
from tests.perf.conventional.keys import Keys
from tests.perf.pinning import pin

Told = dict[str, Any]


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with no framework at all: what the server, the loop and the load can do."""
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def make_hello() -> FastAPI:
    """Make FastAPI's own hello-world, the measure of everything else."""
    app = FastAPI()

    @app.get("/")
    async def hello() -> dict[str, str]:
        return {"message": "Hello World"}

    return app


def serve_plain(app: ASGIApp, told: Told) -> None:
    """Serve as a service is served, with nothing around."""
    config = uvicorn.Config(
        app, port=told["port"], lifespan="off", ws="none", log_config=None, access_log=False, server_header=False
    )
    uvicorn.Server(config).run()


def serve_bare(told: Told) -> None:
    """Serve the bare ASGI application."""
    serve_plain(bare, told)


def serve_hello(told: Told) -> None:
    """Serve hello-world."""
    serve_plain(make_hello(), told)


def serve_reuse(told: Told) -> None:
    """Serve reuse as its composition root makes it."""
    serve(compose_reuse(told))


def serve_reuse_without_proofs(told: Told) -> None:
    """Serve reuse believing every proof, to see what checking them costs; no setting of the product does this."""
    serve(compose_reuse(told, verifier=_Believing))


def compose_reuse(told: Told, verifier: type[TokenVerifier] = TokenVerifier) -> Service:
    """Compose reuse by itself: what its neighbours would bring is in its database, or in `told`."""
    service = compose(Settings.model_validate(told["settings"]))
    service.verifier = verifier(
        issuer=service.settings.issuer, audience=f"{service.settings.public_origin}/reuse", keys=_keys(told["jwks"])
    )
    service.background = []
    return service


def _keys(jwks: object) -> IssuerKeys:
    async def fetch() -> object:
        return jwks

    return IssuerKeys(fetch)


class _Believing(TokenVerifier):
    """Verifies the token alone, and takes its key for the prover's."""

    async def verify(
        self, *, authorization: Sequence[str], proofs: Sequence[str], method: str, url: str, now: datetime
    ) -> Presented:
        bound = await self.verify_access_token(authorization[0].partition(" ")[2], now=now)
        return Presented(bound.caller, dpop.Proof(bound.jkt, ids.new().hex, now + dpop.PAST))


def serve_conventional(told: Told) -> None:
    """Serve the conventional build, with a pool as large as reuse's."""
    settings = told["settings"]
    url = settings["database_url"].replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, pool_size=10, max_overflow=0, connect_args={"ssl": False})
    release = SigningKey.load(Path(settings["release_key_file"]))
    keys = Keys(
        issuer_public=told["issuer_pem"],
        release_private=Path(settings["release_key_file"]).read_text("utf-8"),
        release_kid=release.kid,
        vault=Vault(read_key(Path(settings["kek_file"]))),
        origin=settings["public_origin"],
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    serve_plain(make_conventional(keys, async_sessionmaker(engine, expire_on_commit=False)), told)


SERVERS: dict[str, Callable[[Told], None]] = {
    "bare": serve_bare,
    "hello": serve_hello,
    "reuse": serve_reuse,
    "reuse_without_proofs": serve_reuse_without_proofs,
    "conventional": serve_conventional,
}


def main() -> None:
    """Go to the core that was told, and serve."""
    what, path = sys.argv[1:]
    told: Told = json.loads(Path(path).read_text("utf-8"))
    pin(told["core"])
    SERVERS[what](told)


if __name__ == "__main__":
    main()
