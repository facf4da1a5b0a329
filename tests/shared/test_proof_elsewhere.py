"""A proof used at one process is used at all: two applications composed apart on one database."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from fastapi import APIRouter
from joserfc.jwk import OctKey

from infra.embedded.stack import Stack
from shared import clock, http
from shared.http import Caller, View
from shared.issuer_keys import IssuerKeys
from shared.service import Service
from shared.settings import ServiceSettings
from tests.shared.asking import asking, members
from tests.shared.composing import make_service_settings
from tests.shared.credentials import ORIGIN, Holder, Issuer, encode, sign

pytestmark = pytest.mark.stack

ISSUER = Issuer()
HOLDER = Holder()


class Echo(View):
    who: str


def compose(settings: ServiceSettings) -> Service:
    """Make one process's application."""
    router = APIRouter()

    @router.get(f"/{settings.service}/grants")
    async def list_grants(caller: Caller) -> Echo:
        return Echo(who=caller.client_id)

    async def fetch() -> object:
        return ISSUER.jwks()

    app = http.make_app(settings, [router], settings.service)
    return Service(settings.service, app, settings, issuer_keys=IssuerKeys(fetch))


async def test_dpop_proof_used_at_one_process_is_refused_at_another(stack: Stack, tmp_path: Path) -> None:
    settings = await make_service_settings(stack, tmp_path, "identity")
    here, there = compose(settings), compose(settings)
    url = f"{ORIGIN}/{settings.service}/grants"
    token = ISSUER.issue(HOLDER, at=clock.now(), aud=f"{ORIGIN}/{settings.service}")
    headers = {"authorization": f"DPoP {token}", "dpop": HOLDER.prove(token, at=clock.now(), htu=url)}
    async with AsyncExitStack() as running:
        for service in (here, there):
            await running.enter_async_context(service.running())
        first, second = [await running.enter_async_context(asking(service.app)) for service in (here, there)]
        assert (await first.get(url, headers=headers)).status_code == 200
        again = await second.get(url, headers=headers)
    assert (again.status_code, members(again)["code"]) == (401, "invalid_dpop_proof")


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", ["HS256", "none"])
async def test_dpop_proof_by_a_symmetric_algorithm_or_none_is_refused(
    stack: Stack, tmp_path: Path, algorithm: str
) -> None:
    settings = await make_service_settings(stack, tmp_path, "identity")
    url = f"{ORIGIN}/{settings.service}/grants"
    secret = OctKey.generate_key(256)
    token = ISSUER.issue(HOLDER, at=clock.now(), aud=f"{ORIGIN}/{settings.service}", cnf={"jkt": secret.thumbprint()})
    header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": secret.as_dict(private=True)}
    claims = {"jti": "j" * 16, "htm": "GET", "htu": url, "iat": int(clock.now().timestamp())}
    unsigned = f"{encode(header)}.{encode(claims)}."
    proof = unsigned if algorithm == "none" else sign(header, claims, secret)
    service = compose(settings)
    async with service.running(), asking(service.app) as client:
        answer = await client.get(url, headers={"authorization": f"DPoP {token}", "dpop": proof})
    assert (answer.status_code, members(answer)["code"]) == (401, "invalid_dpop_proof")
