"""What tests of claims do: let consent tell, log somebody in as far as the question, collect as reuse does."""

from typing import Any

from services.identity.consumer import make_handlers
from shared import clock, ids
from shared.events import written
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person


async def tell(world: World, type_: str, **data: Any) -> None:
    """Let an event of consent arrive."""
    async with world.tx() as tx:
        await make_handlers(world.parts)[type_](tx, world.received(type_, data))


async def asked(world: World, browser: Any, details: Any) -> dict[str, Any]:
    """Log somebody in as far as the question; return what consent's events would say of it."""
    page = await world.log_in(browser, details, make_person())
    assert page.status_code == 200
    opened = world.consent.opened[-1]
    return {
        "request_id": world.consent.requests[opened["flow_id"]],
        "subject_id": opened["subject_id"],
        "dossier_uid": opened["dossier_uid"],
        "party_uid": opened["party_uid"],
    }


def make_grant(*attributes: str, **changes: Any) -> dict[str, Any]:
    """Make a release grant as consent's events tell it."""
    return {
        "grant_id": str(ids.new()),
        "version": 1,
        "state": "granted",
        "scope": "release",
        "attributes": list(attributes),
        "request_id": None,
        "valid_from": written(clock.now()),
        "valid_until": "2099-01-01T00:00:00.000000Z",
    } | changes


async def collect(world: World, claims_id: str) -> Any:
    """Collect as reuse does."""
    return await world.call("reuse", "POST", f"/internal/claims/{claims_id}/collection", {})


async def confirm(world: World, claims_id: str) -> int:
    """Confirm as reuse does."""
    return (await world.call("reuse", "POST", f"/internal/claims/{claims_id}/confirmation", {})).status_code


async def lose_number(world: World, request: dict[str, Any]) -> None:
    """Let identity have died between consent's answer and its own note of the request's number."""
    async with world.tx() as tx:
        await tx.execute("UPDATE flow SET consent_request_id = NULL WHERE subject_id = $1::uuid", request["subject_id"])
