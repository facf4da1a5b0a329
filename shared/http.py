"""Makes a service's HTTP application, and gives its routes what they ask for: caller, database, time."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Protocol, TypeVar, cast

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from starlette.types import Scope

from shared import asgi, clock, dpop, idempotency, tokens
from shared.answers import PROBLEM_IN_OPENAPI, Render, answer_problems, renderer
from shared.bodies import Body, View
from shared.db import Database
from shared.front import Front, Fronted
from shared.guards import check_all_guarded, guard, public
from shared.idempotency import Once
from shared.keys import ServiceKey, Trust
from shared.settings import ServiceSettings
from shared.strictness import only_i_json, only_known_query
from shared.telemetry import Telemetry, collector

__all__ = [
    "Body",
    "Caller",
    "Db",
    "Now",
    "Once",
    "Presented",
    "View",
    "guard",
    "make_app",
    "public",
    "repeatable",
]

MAX_BODY = 64 * 1024
T = TypeVar("T")


class Composed(Protocol):
    """What the kernel needs of a composed service; `shared.service.Service` is one."""

    settings: ServiceSettings
    draining: bool
    db: Database
    key: ServiceKey
    trust: Trust
    verifier: tokens.TokenVerifier


async def _now() -> datetime:
    return clock.now()


async def _db(request: Request) -> Database:
    return service_of(request).db


Now = Annotated[datetime, Depends(_now)]
"""The one instant of this request, UTC."""
Db = Annotated[Database, Depends(_db)]


@guard
async def presented(request: Request, now: Now) -> tokens.Presented:
    """Verify token and proof, and leave the proof for the route to consume in its own statement."""
    headers = request.headers
    return await _present(request.scope, headers.getlist("authorization"), headers.getlist("dpop"), now)


async def _present(
    scope: Scope, authorization: Sequence[str], proofs: Sequence[str], now: datetime
) -> tokens.Presented:
    service = cast(Composed, scope["app"].state.service)
    return await service.verifier.verify(
        authorization=authorization, proofs=proofs, method=scope["method"], url=_public_url(scope), now=now
    )


Presented = Annotated[tokens.Presented, Depends(presented)]
"""Caller and proof; the route must consume the proof: kind `dpop.REPLAY_KIND`, `proof.key`, until `proof.expires`."""


@guard
async def caller(shown: Presented, db: Db) -> tokens.Caller:
    """Verify token and proof, and use the proof up in a transaction of its own."""
    async with db.transaction() as tx:
        await dpop.consume(tx, shown.proof)
    return shown.caller


Caller = Annotated[tokens.Caller, Depends(caller)]


_KEY = Header(
    alias="Idempotency-Key",
    description="A quoted string of 16 to 255 characters, such as a UUID, new for each thing to be done. The same "
    "request under the same key is done once and answered alike for a day (`Idempotency-Replayed: true`); another "
    "request under it is 422 `idempotency_key_reused`, and while the first is worked on the answer is 409 "
    "`request_in_flight`. Refusals are not kept. Optional (draft-ietf-httpapi-idempotency-key-header-07).",
    json_schema_extra={"pattern": r'^"[ !#-\[\]-~]{16,255}"$'},
)


def repeatable(show: Callable[[T], View], *, again: bool = False) -> Callable[..., Awaitable[Once[T]]]:
    """Make the dependency of a route that does nothing twice; `show` makes its answer of what the use case returns.

    With `again` the use case itself makes the answer to a repeat: it is the one to see `Answered`.
    """

    async def asked_once(
        request: Request, caller: Caller, db: Db, now: Now, _key: Annotated[str | None, _KEY] = None
    ) -> Once[T]:
        asked = await _asked(request, caller, now)
        if asked and not again:
            async with db.read() as tx:
                await idempotency.check_new(tx, asked)
        return Once(db, asked, show, request.scope["route"].status_code or 200)

    return asked_once


async def _asked(request: Request, caller: tokens.Caller, now: datetime) -> idempotency.Asked | None:
    key = idempotency.parse_key(request.headers.getlist("idempotency-key"))
    if key is None:
        return None
    asked = idempotency.fingerprint(
        key,
        await request.body(),
        method=request.method,
        path=public_url(request),
        # An answer is repeated only to whom it was given: a token works for its agency, actor, dossier and party (I8).
        agency=caller.agency.uid,
        actor=[caller.actor.kind, caller.actor.ref],
        dossier=caller.dossier_uid,
        party=caller.party_uid,
    )
    return idempotency.Asked.under(key, caller.client_id, asked, now)


def service_of(request: Request) -> Composed:
    """Return the composed service a request came to."""
    return cast(Composed, request.app.state.service)


def public_url(request: Request) -> str:
    """Return the address that was called as the outside knows it, without query (RFC 9449 §4.3, `htu`).

    From our own setting: `Host` and forwarded headers are the caller's word.
    """
    return _public_url(request.scope)


def _public_url(scope: Scope) -> str:
    path = cast(bytes, scope.get("raw_path") or scope["path"].encode())
    return scope["app"].state.service.settings.public_origin + path.partition(b"?")[0].decode("latin-1")


def make_app(
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    title: str,
    *,
    telemetry: Telemetry | None = None,
    render_page: Render | None = None,
    render_at: Mapping[str, Render] | None = None,
    max_body: int = MAX_BODY,
    body_seconds: float = asgi.BODY_SECONDS,
    front: Front[Any] | None = None,
) -> FastAPI:
    """Make the application of one service; `app.state.service` is set by `Service`, `front` is its busiest route.

    `render_page` (see `shared.pages`) answers problems of pages, `render_at` those of single addresses, whatever goes
    wrong there and whether or not it came as far as their route. Raises Unguarded when a route has neither a caller
    nor the mark `public`.
    """
    app = FastAPI(
        title=title,
        openapi_url=f"/{settings.service}/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # would build an address from `Host`
        form_limits={"max_fields": 200, "max_files": 0, "max_part_size": max_body},
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(only_known_query), Depends(only_i_json)],
        responses={"default": PROBLEM_IN_OPENAPI},
        # FastAPI's own telemetry would write what was sent into its logs, and halve the throughput.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    for router in routers:
        app.include_router(router)
    check_all_guarded(app)
    answer_problems(app, render := renderer(render_page, render_at or {}))
    app.state.telemetry = telemetry or _telemetry(settings)
    if front:
        app.add_middleware(Fronted, front=front, present=_present, render=render)
    app.add_middleware(
        asgi.Kernel,
        service=settings.service,
        tracer=app.state.telemetry,
        render=render,
        secure=settings.secure,
        max_body=max_body,
        body_seconds=body_seconds,
    )
    return app


def _telemetry(settings: ServiceSettings) -> Telemetry:
    if settings.otlp_endpoint is None:
        return Telemetry(settings.service)
    return Telemetry(settings.service, collector(settings.otlp_endpoint), ratio=settings.trace_ratio)
