"""Whatever is sent to audit, the answer is a documented one."""

import httpx2
import pytest

from shared import clock
from tests.contract.fuzzing import Fuzzing, Known
from tests.services.audit.test_api import CASE, INSPECTORATE, MANDATE, Desk
from tests.services.audit.test_api import desk as desk  # a fixture
from tests.services.audit.test_log import keep, make_event
from tests.shared.credentials import ORIGIN

pytestmark = pytest.mark.stack


async def test_every_answer_to_an_inspector_is_documented(desk: Desk) -> None:
    await keep(desk.service.db, [make_event(1), make_event(2)])
    await desk.seal()

    async def prepare() -> Known:
        return {
            "source": ["consent"],
            "sequence": [1, 2, 3],
            "case_no": [CASE["case_no"]],
            "purpose": [CASE["purpose"]],
            "type": ["consent.happened.v1"],
        }

    async def send(request: httpx2.Request) -> httpx2.Response:
        now = clock.now()
        token = desk.issuer.issue(desk.holder, at=now, aud=f"{ORIGIN}/audit", mandate=MANDATE, agency=INSPECTORATE)
        request.headers["authorization"] = f"DPoP {token}"
        url = str(request.url.copy_with(query=None))
        request.headers["dpop"] = desk.holder.prove(token, at=now, htm=request.method, htu=url)
        return await desk.http.send(request)

    fuzzing = Fuzzing(send, prepare)
    await fuzzing.run("audit.json")
    assert fuzzing.never_succeeded() == set()
