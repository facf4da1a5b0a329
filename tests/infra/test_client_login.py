"""The example client's login: what it pushes, proves and checks, before a server that verifies as the gateway does."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.client.city_system import AUTOMATED, CitySystem, officer
from infra.client.gateway import Refused
from infra.client.oauth import LoginFailed
from infra.client.state import State
from shared import clock, dpop, jws

ORIGIN = "http://localhost:8080"
ISSUER = f"{ORIGIN}/identity"
CALLBACK = "http://localhost:8090/city/callback"
KEY = ECKey.generate_key("P-256")


@dataclass
class Server:
    """An authorization server and a resource that accept only what they can verify."""

    issuer: str = ISSUER
    token_type: str = "DPoP"
    forms: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])
    thumbprints: list[str] = field(default_factory=list[str])

    async def metadata(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "pushed_authorization_request_endpoint": f"{ISSUER}/par",
                "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token",
            }
        )

    async def oauth(self, request: Request) -> Response:
        async with request.form() as posted:
            form = {name: str(value) for name, value in posted.items()}
        self._prove(request)
        read = jws.parse(form["client_assertion"], typ="JWT", algorithms={"ES256"}, header={"alg", "typ", "kid"})
        claims = jws.verify(read, KEY)
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("justice-system", "justice-system", ISSUER)
        self.forms.append(form)
        if request.url.path.endswith("par"):
            return JSONResponse({"request_uri": "urn:example:1", "expires_in": 60}, 201)
        details = json.loads(form.get("authorization_details", "[]"))
        return JSONResponse(
            {"access_token": "at", "token_type": self.token_type, "expires_in": 300, "authorization_details": details}
        )

    async def plan(self, request: Request) -> Response:
        self._prove(request, "at")
        return JSONResponse({"code": "dossier_closed", "fault": "client", "retryable": False}, 409)

    def _prove(self, request: Request, access_token: str | None = None) -> None:
        proofs = request.headers.getlist("dpop")
        proof = dpop.verify(
            proofs,
            method=request.method,
            url=ORIGIN + request.url.path,
            now=clock.now(),
            access_token=access_token,
        )
        self.thumbprints.append(proof.jkt)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server/identity", self.metadata),
                Route("/identity/par", self.oauth, methods=["POST"]),
                Route("/identity/token", self.oauth, methods=["POST"]),
                Route("/reuse/dossiers/d-1/plan", self.plan),
            ]
        )


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def system(server: Server) -> AsyncIterator[CitySystem]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=server.app())) as http:
        yield CitySystem("justice-system", KEY, ORIGIN, CALLBACK, http=http)


LOGIN: dict[str, Any] = {
    "agency_uid": "ag-000101",
    "dossier_uid": "d-1",
    "party_uid": "p-1",
    "attributes": ["person.pin"],
}


def callback(**answer: str) -> str:
    return f"{CALLBACK}?{urlencode(answer)}"


async def test_only_a_reference_to_the_request_passes_through_the_browser(server: Server, system: CitySystem) -> None:
    flow = await system.begin_login(**LOGIN)
    where = urlsplit(flow.authorize_url)
    assert dict(parse_qsl(where.query)) == {"client_id": "justice-system", "request_uri": "urn:example:1"}
    (pushed,) = server.forms
    assert (pushed["code_challenge_method"], pushed["resource"]) == ("S256", f"{ORIGIN}/reuse")
    assert json.loads(pushed["authorization_details"]) == [
        {"type": "reuse_dossier", "actor": {"kind": "citizen"}, **LOGIN}
    ]


async def test_the_login_and_its_token_are_bound_to_one_key_that_outlives_the_process(
    server: Server, system: CitySystem
) -> None:
    flow = await system.begin_login(**LOGIN)
    kept = State.model_validate_json(State(flow=flow).model_dump_json()).flow
    assert kept is not None
    token = await system.finish_login(kept, callback(code="c", state=flow.state, iss=ISSUER))
    with pytest.raises(Refused, match="409 dossier_closed"):
        await system.plan(token, "d-1")
    assert len(server.thumbprints) == 3
    assert len(set(server.thumbprints)) == 1


@pytest.mark.parametrize("changes", [{"state": "another"}, {"iss": "http://evil"}])
async def test_an_answer_that_is_not_ours_is_not_exchanged(
    server: Server, system: CitySystem, changes: dict[str, str]
) -> None:
    flow = await system.begin_login(**LOGIN)
    with pytest.raises(LoginFailed):
        await system.finish_login(flow, callback(**{"code": "c", "state": flow.state, "iss": ISSUER, **changes}))
    assert len(server.forms) == 1


async def test_giving_up_is_told_in_oauths_words(system: CitySystem) -> None:
    flow = await system.begin_login(**LOGIN)
    with pytest.raises(LoginFailed, match="access_denied"):
        await system.finish_login(flow, callback(error="access_denied", state=flow.state, iss=ISSUER))


async def test_metadata_of_another_issuer_stop_everything(server: Server, system: CitySystem) -> None:
    server.issuer = "http://evil/identity"
    with pytest.raises(Refused, match="wrong_issuer"):
        await system.begin_login(**LOGIN)
    assert server.forms == []


async def test_a_token_that_is_not_bound_to_our_key_is_not_used(server: Server, system: CitySystem) -> None:
    server.token_type = "Bearer"
    with pytest.raises(Refused, match="not_dpop_bound"):
        await system.officer_token("ag-000101", AUTOMATED)


async def test_an_officer_is_named_in_the_token_that_is_asked_for(server: Server, system: CitySystem) -> None:
    await system.officer_token("ag-000101", officer("o-1", "Công chức"), "identity")
    (asked,) = server.forms
    assert (asked["grant_type"], asked["resource"]) == ("client_credentials", f"{ORIGIN}/identity")
    assert json.loads(asked["authorization_details"])[0]["actor"] == {
        "kind": "officer",
        "ref": "o-1",
        "position": "Công chức",
    }
