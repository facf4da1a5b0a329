"""A login through the VNeID simulator, which was written by its own reading of the standards."""

from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.routing import Mount

from infra.client.browser import Browser
from infra.simulators.personas import load_personas
from infra.simulators.vneid.app import make_vneid
from infra.simulators.vneid.clients import Client
from infra.simulators.vneid.keys import SigningKeys
from shared import clock
from tests.services.identity.city import City
from tests.services.identity.conftest import World, back
from tests.services.identity.vneid import CLIENT_ID, ISSUER
from tests.shared.credentials import ORIGIN

pytestmark = pytest.mark.stack

CALLBACK = f"{ORIGIN}/identity/vneid/callback"


async def log_in(
    world: World, http: httpx2.AsyncClient, persona: str, answer: str = "Đồng ý"
) -> tuple[httpx2.Response, Any]:
    """Walk a persona through the simulator's pages and bring its answer back."""
    ours: ECKey = world.parts.vneid._registration.key.jwk  # pyright: ignore[reportAssignmentType] - an EC key by its settings
    client = Client(CLIENT_ID, "Một Lần", ECKey.import_key(ours.as_dict(private=False)), frozenset({CALLBACK}))
    signing = ECKey.generate_key("P-256", auto_kid=True)
    vneid = make_vneid(ISSUER, SigningKeys(signing), {CLIENT_ID: client}, load_personas(), clock.now)
    transport = httpx2.ASGITransport(app=Starlette(routes=[Mount("/vneid", vneid)]))
    played, world.parts.vneid.transport = world.parts.vneid.transport, transport
    world.parts.vneid._keys._fetched = None
    try:
        details = City("justice-system", world.clients["justice-system"]).login(world.dossier())
        door = await world.to_vneid(http, world.city(), details)
        async with Browser(transport=transport, stop_at=CALLBACK) as phone:
            await phone.open(door)
            await phone.press(persona)
            await phone.press(answer)
            return await http.get(phone.page.url.removeprefix(ORIGIN)), details
    finally:
        world.parts.vneid.transport = played
        world.parts.vneid._keys._fetched = None


@pytest.mark.parametrize("persona", ["mother", "father", "shop_owner", "year_only"])
async def test_a_persona_of_level_two_is_led_to_the_question(world: World, persona: str) -> None:
    async with world.http() as http:
        page, details = await log_in(world, http, persona)
    assert page.status_code == 200, page.headers.get("location", page.text)
    assert (await world.who_is(details))["capacity"] == "self"


@pytest.mark.parametrize(
    ("persona", "presses", "description"),
    [
        ("level_one", "Đồng ý", "level_too_low"),
        ("minor", "Đồng ý", "representation_required"),
        ("refuser", "Từ chối", "refused"),
        ("mother", "Từ chối", "refused"),
    ],
)
async def test_a_persona_who_may_not_is_sent_back_with_the_reason(
    world: World, persona: str, presses: str, description: str
) -> None:
    async with world.http() as http:
        answer, _ = await log_in(world, http, persona, presses)
    assert back(answer)["error_description"] == description
