"""Whatever is sent to consent's interfaces, the answer is a documented one."""

from typing import Any

import httpx2
import pytest

from shared import clock, ids, inside
from tests.contract.fuzzing import Fuzzing, Known
from tests.services.consent.conftest import RETURN_URL, World
from tests.services.consent.factories import make_dossier
from tests.services.consent.test_counter import decided, known_dossier

pytestmark = pytest.mark.stack

VALID: dict[str, dict[str, Any]] = {
    "POST /consent/legal-basis-decisions": {"dossier_uid": None, "party_uid": None, "opted_out": []},
    "POST /consent/grants/{grant_id}/ending": {"reason": "opened_for_another_person"},
}


async def test_every_answer_to_a_city_system_is_documented(world: World) -> None:
    async def prepare() -> Known:
        asked, (other, _) = known_dossier(world)[0], known_dossier(world)
        grant = await decided(world, other)
        return {
            "dossier_uid": [str(asked.dossier_uid)],
            "party_uid": [str(asked.parties[0].party_uid)],
            "grant_id": [grant["grant_id"]],
            "receipt_id": [grant["receipt_id"]],
        }

    async def send(request: httpx2.Request) -> httpx2.Response:
        now = clock.now()
        token = world.issuer.issue(world.holder, at=now)
        request.headers["authorization"] = f"DPoP {token}"
        url = str(request.url.copy_with(query=None))
        request.headers["dpop"] = world.holder.prove(token, at=now, htm=request.method, htu=url)
        async with world.http() as http:
            return await http.send(request)

    fuzzing = Fuzzing(send, prepare, VALID)
    await fuzzing.run("consent.json")
    assert fuzzing.never_succeeded() == set()


async def test_every_answer_to_another_service_is_documented(world: World) -> None:
    dossier = make_dossier()
    world.reuse.knows(dossier)
    login = world.login(dossier, "0" * 64, ids.new())
    valid: dict[str, dict[str, Any]] = {
        "POST /internal/requests": login | {"return_url": RETURN_URL},
        "POST /internal/grants/states": {"grant_ids": [], "subject_id": str(ids.new()), "dossier_uid": None},
    }

    async def prepare() -> Known:
        opened = await world.call("identity", "POST", "/internal/requests", login | {"flow_id": str(ids.new())})
        return {"request_id": [opened.json()["request_id"]], "dossier_uid": [str(dossier.dossier_uid)]}

    async def send(request: httpx2.Request) -> httpx2.Response:
        caller = "identity" if "/requests" in request.url.path else "reuse"
        assertion = inside.assertion(caller, "consent", world.keys[caller], clock.now())
        request.headers["authorization"] = f"Bearer {assertion}"
        async with world.http() as http:
            return await http.send(request)

    fuzzing = Fuzzing(send, prepare, valid)
    await fuzzing.run("consent.internal.json")
    assert fuzzing.never_succeeded() == set()
