"""Tells orchestrators whether a service lives and may be sent requests, and people what is wrong with it."""

from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from shared import migrations
from shared.db import Database, Tx
from shared.errors import Unavailable
from shared.guards import public
from shared.http import service_of

_ROOT = Path(__file__).parent.parent

router = APIRouter(prefix="/health", include_in_schema=False)


class NotMigrated(Unavailable):
    """The schema is older than this code: the owner role has migrations to apply."""

    code = "not_migrated"


class Draining(Unavailable):
    """The service was told to stop: it serves what comes, and asks to be sent no more."""

    code = "draining"


class Health(BaseModel):
    """Open alarms by kind, with how many there are of each."""

    model_config = ConfigDict(frozen=True)

    service: str
    alarms: dict[str, int]


@router.get("/live")
@public
async def live() -> dict[str, str]:
    """Answer as long as the event loop turns; asks nothing of anybody, so that an outage elsewhere kills nobody."""
    return {"status": "live"}


@router.get("/ready")
@public
async def ready(request: Request) -> dict[str, str]:
    """Answer 200 once the database answers and its schema is at least ours, until the service was told to stop.

    Keys were read before the port opened.
    """
    service = service_of(request)
    if service.draining:
        raise Draining
    await check_migrated(service.db, service.settings.service)
    return {"status": "ready"}


@router.get("")
@public
async def health(request: Request) -> Health:
    """Answer what a person must look at."""
    service = service_of(request)
    async with service.db.read() as tx:
        rows = await tx.fetch("SELECT kind, count(*) AS number FROM alarm GROUP BY kind ORDER BY kind")
    return Health(service=service.settings.service, alarms={row["kind"]: row["number"] for row in rows})


async def check_migrated(db: Database, service: str) -> None:
    """Raise NotMigrated while a migration that this code comes with is missing; newer ones do not disturb it (I12)."""
    async with db.read() as tx:
        applied = await _applied(tx)
    ours = migrations.read_set("shared", _ROOT / "shared" / "sql")
    ours += migrations.read_set(service, _ROOT / "services" / service / "migrations")
    if missing := {(one.set, one.number) for one in ours} - applied:
        raise NotMigrated(f"{len(missing)} migrations are missing")


async def _applied(tx: Tx) -> set[tuple[str, int]]:
    if not await tx.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        return set()
    return {(row["set"], row["number"]) for row in await tx.fetch("SELECT set, number FROM schema_migration")}
