"""Whatever is sent to identity's interfaces, the answer is a documented one."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
import pytest

from services.identity.service.client_auth import ASSERTION_TYPE
from shared import clock, inside
from tests.contract.fuzzing import Fuzzing, Known
from tests.services.identity.city import REUSE, officer
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person
from tests.shared.credentials import ORIGIN

pytestmark = pytest.mark.stack

FORM = "application/x-www-form-urlencoded"


async def test_every_answer_to_a_city_system_is_documented(world: World) -> None:
    city, dossier = world.city(), world.dossier()
    valid: dict[str, dict[str, Any]] = {
        "POST /identity/par": city.pushed(city.login(dossier)),
        "POST /identity/token": {
            "grant_type": "client_credentials",
            "authorization_details": json.dumps([officer()]),
            "resource": REUSE,
        },
        "POST /identity/checks": {
            "dossier_uid": None,
            "party_uid": None,
            "method": "card_shown",
            "pin": make_person().pin,
            "full_name": "Phạm Thu Hòa",
            "birth_date": "1994-03-12",
        },
    }

    async def prepare() -> Known:
        fresh = world.dossier()
        return {"dossier_uid": [fresh["dossier_uid"]], "party_uid": [fresh["parties"][0]["party_uid"]]}

    async def send(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/identity/checks":
            return await ask_as_officer(request)
        sent = request.content
        if request.headers.get("content-type") == FORM:
            client = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": city.assertion()}
            fields = dict(parse_qsl(sent.decode("latin-1"), keep_blank_values=True, encoding="latin-1")) | client
            sent = urlencode(fields, encoding="latin-1").encode()
        headers = {"content-type": request.headers.get("content-type", FORM), "dpop": city.proof(request.url.path)}
        async with world.http() as http:
            return await http.request(request.method, request.url, content=sent, headers=headers)

    async def ask_as_officer(request: httpx2.Request) -> httpx2.Response:
        async with world.http() as http:
            token = (await city.work(http, officer(), resource=f"{ORIGIN}/identity")).json()["access_token"]
            request.headers["authorization"] = f"DPoP {token}"
            url = ORIGIN + request.url.path
            request.headers["dpop"] = city.holder.prove(token, at=clock.now(), htm=request.method, htu=url)
            return await http.send(request)

    fuzzing = Fuzzing(send, prepare, valid)
    await fuzzing.run("identity.json")
    assert fuzzing.never_succeeded() == set()


async def test_every_answer_to_another_service_is_documented(world: World) -> None:
    async def prepare() -> Known:
        """Let a mother log in and agree, so that her claims wait."""
        city, dossier = world.city(), world.dossier()
        details = city.login(dossier)
        async with world.http() as browser:
            assert "code" in await world.decided(browser, city, details, make_person(), "person.pin")
        who = await world.who_is(details)
        return {
            "claims_id": [who["claims"][0]["claims_id"]],
            "dossier_uid": [dossier["dossier_uid"]],
            "party_uid": [details["party_uid"]],
            "agency_uid": ["ag-000101"],
        }

    async def send(request: httpx2.Request) -> httpx2.Response:
        assertion = inside.assertion("reuse", "identity", world.keys["reuse"], clock.now())
        request.headers["authorization"] = f"Bearer {assertion}"
        async with world.http() as http:
            return await http.send(request)

    nothing: dict[str, Any] = {}
    valid = {f"POST /internal/claims/{{claims_id}}/{what}": nothing for what in ("collection", "confirmation")}
    fuzzing = Fuzzing(send, prepare, valid)
    await fuzzing.run("identity.internal.json")
    assert fuzzing.never_succeeded() == set()
