"""Whatever is sent to reuse, the answer is a documented one."""

from typing import Any

import httpx2
import pytest

from shared import clock, ids, inside
from tests.contract.fuzzing import Fuzzing, Known
from tests.services.reuse.conftest import AUDIENCE, World
from tests.services.reuse.test_judging import CERTIFICATE

pytestmark = pytest.mark.stack

VALID: dict[str, dict[str, Any]] = {
    "POST /reuse/dossiers": {
        "client_ref": "ref-1",
        "procedure": "1.001193",
        "channel": "online",
        "receiving": "ag-000101",
        "competent": "ag-000101",
        "facts": {"parents_married": True},
        "parties": [
            {"ref": "child", "roles": ["child"], "represented_by": "mother"},
            {"ref": "mother", "roles": ["mother", "applicant"]},
        ],
    },
    "POST /reuse/dossiers/{dossier_uid}/collection": {"party_uid": None},
    "POST /reuse/dossiers/{dossier_uid}/releases": {"party_uid": None},
    "POST /reuse/dossiers/{dossier_uid}/components/{component_id}/acceptance": {},
    "POST /reuse/dossiers/{dossier_uid}/components/{component_id}/rejection": {"reason": "record_ended"},
    "POST /reuse/dossiers/{dossier_uid}/closure": {"outcome": "granted"},
    "POST /reuse/dossiers/{dossier_uid}/receipt": {"official_code": None},
    "POST /reuse/dossiers/{dossier_uid}/results": {
        "party_uid": None,
        "result_type": "KQ.G15.000031",
        "value": CERTIFICATE,
    },
}


async def test_every_answer_to_a_city_system_is_documented(world: World) -> None:
    async def prepare() -> Known:
        opened = await world.open()
        await world.mother(opened)
        await world.collect(opened)
        world.identity.knows(opened.party("child"))
        return {
            "dossier_uid": [opened.uid],
            "party_uid": [opened.party("mother"), opened.party("child")],
            "component_id": ["mother-identity", "birth-notification", "parents-marriage"],
            "official_code": [f"H31.01-261124-{int(ids.new()) % 10_000_000:07}"],
        }

    async def send(request: httpx2.Request) -> httpx2.Response:
        now = clock.now()
        token = world.issuer.issue(world.holder, at=now, aud=AUDIENCE)
        request.headers["authorization"] = f"DPoP {token}"
        url = str(request.url.copy_with(query=None))
        request.headers["dpop"] = world.holder.prove(token, at=now, htm=request.method, htu=url)
        await world.watermark()
        async with world.http() as http:
            return await http.send(request)

    fuzzing = Fuzzing(send, prepare, VALID)
    await fuzzing.run("reuse.json")
    assert fuzzing.never_succeeded() == set()


async def test_every_answer_to_another_service_is_documented(world: World) -> None:
    async def prepare() -> Known:
        return {"dossier_uid": [(await world.open()).uid]}

    async def send(request: httpx2.Request) -> httpx2.Response:
        assertion = inside.assertion("consent", "reuse", world.keys["consent"], clock.now())
        request.headers["authorization"] = f"Bearer {assertion}"
        async with world.http() as http:
            return await http.send(request)

    fuzzing = Fuzzing(send, prepare)
    await fuzzing.run("reuse.internal.json")
    assert fuzzing.never_succeeded() == set()
