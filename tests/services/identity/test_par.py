"""What a client may push, and how it is refused: before anybody logs in (R7)."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from shared import clock
from shared.ids import new
from tests.services.identity.conftest import World
from tests.shared.credentials import ORIGIN, encode

pytestmark = pytest.mark.stack


async def refused(world: World, details: Any, **changes: Any) -> dict[str, Any]:
    """Push something that must be refused; return OAuth's refusal."""
    async with world.http() as http:
        answer = await world.city().push(http, details, **changes)
    assert answer.status_code in (400, 401), answer.text
    assert set(answer.json()) == {"error", "error_description"}
    return answer.json()


async def test_what_the_pinned_procedure_asks_may_be_pushed(world: World) -> None:
    """R7, accepting."""
    async with world.http() as http:
        answer = await world.city().push(http, world.city().login(world.dossier(), "residence.permanent"))
    assert answer.status_code == 201
    assert answer.json()["expires_in"] == 60
    assert answer.json()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert answer.headers["cache-control"] == "no-store"


async def test_more_than_the_pinned_procedure_asks_is_refused_by_name(world: World) -> None:
    """R7, refusing: also what is asked of another party of the same dossier."""
    told = await refused(world, world.city().login(world.dossier(), "person.pin", "residence.permanent", party=1))
    assert told["error"] == "invalid_authorization_details"
    assert told["error_description"].startswith("attribute_not_allowed: residence.permanent ")
    assert "version 1 of procedure 1.001193" in told["error_description"]


async def test_a_foreign_dossier_and_a_missing_one_are_refused_alike(world: World) -> None:
    foreign = world.dossier(client_id="business-system")
    missing = world.city().login(foreign, dossier_uid=str(new()))
    assert await refused(world, world.city().login(foreign)) == await refused(world, missing)


async def test_nobody_is_asked_for_a_closed_dossier(world: World) -> None:
    """R3, refusing."""
    told = await refused(world, world.city().login(world.dossier(state="closed")))
    assert told["error_description"].startswith("dossier_closed")


async def test_an_agency_that_does_not_act_in_the_dossier_is_refused(world: World) -> None:
    told = await refused(world, world.city().login(world.dossier(), agency_uid="ag-000201"))
    assert told["error_description"].startswith("agency_not_of_dossier")


async def test_a_mandate_that_does_not_cover_the_procedure_is_refused(world: World) -> None:
    """R1, refusing: the agency is right, the mandate is for nothing."""
    ward = {"uid": "ag-000201", "name": "Ủy ban nhân dân phường Ngô Quyền"}
    told = await refused(world, world.city().login(world.dossier(receiving=ward), agency_uid="ag-000201"))
    assert told["error"] == "invalid_authorization_details"
    assert told["error_description"].startswith("mandate_missing")


async def test_a_mandate_that_is_over_is_refused(world: World) -> None:
    """R1, refusing: half-open, in Vietnamese days."""
    dossier = world.dossier(client_id="business-system")
    city = world.city("business-system")
    async with world.http() as http:
        answer = await city.push(http, city.login(dossier))
    assert answer.json()["error_description"].startswith("mandate_missing")


async def test_an_agency_that_is_no_more_is_refused(world: World) -> None:
    told = await refused(world, world.city().login(world.dossier(), agency_uid="ag-000100"))
    assert told["error_description"].startswith("agency_unknown")


async def test_a_party_the_dossier_does_not_have_is_refused(world: World) -> None:
    told = await refused(world, world.city().login(world.dossier(), party_uid=str(new())))
    assert told["error_description"].startswith("party_unknown")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"redirect_uri": "https://city.invalid/callback"}, "invalid_request"),
        ({"redirect_uri": "https://city.invalid/callback?desk=1&x=1"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"resource": None}, "invalid_target"),
        ({"resource": "https://elsewhere.invalid/reuse"}, "invalid_target"),
        ({"request_uri": "urn:x"}, "invalid_request"),
        ({"request": "a.b.c"}, "invalid_request"),
        ({"state": "s" * 2049}, "invalid_request"),
        ({"dpop_jkt": "another"}, "invalid_request"),
        ({"authorization_details": None}, "invalid_request"),
        ({"authorization_details": "[]"}, "invalid_authorization_details"),
        ({"authorization_details": "{"}, "invalid_authorization_details"),
        ({"client_id": "business-system"}, "invalid_client"),
        ({"client_assertion_type": "other"}, "invalid_client"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_assertion": "a.b.c"}, "invalid_client"),
    ],
)
async def test_a_request_that_is_not_fapi_shaped_is_refused(world: World, change: dict[str, Any], error: str) -> None:
    assert (await refused(world, world.city().login(world.dossier()), **change))["error"] == error


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["http://localhost:8080/identity"]},
        {"aud": "http://localhost:8080/identity/token"},
        {"aud": "http://localhost:8080/identity/par"},
        {"iss": "business-system"},
        {"sub": "business-system"},
        {"sub": None},
        {"jti": None},
        {"exp": None},
        {"iat": None},
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"nbf": 4_000_000_000},
    ],
)
async def test_a_client_assertion_that_is_not_for_here_and_now_is_refused(world: World, change: dict[str, Any]) -> None:
    city = world.city()
    told = await refused(world, city.login(world.dossier()), client_assertion=city.assertion(**change))
    assert told == {"error": "invalid_client", "error_description": "client authentication failed"}


@pytest.mark.parametrize(("ahead", "taken"), [(8, True), (61, False)])
async def test_a_clock_a_little_ahead_is_forgiven(world: World, ahead: int, taken: bool) -> None:
    city, now = world.city(), int(clock.now().timestamp())
    assertion = city.assertion(iat=now + ahead, nbf=now + ahead, exp=now + ahead + 60)
    async with world.http() as http:
        answer = await city.push(http, city.login(world.dossier()), client_assertion=assertion)
    assert answer.is_success is taken


async def test_a_client_assertion_works_once(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    assertion = city.assertion()
    async with world.http() as http:
        assert (await city.push(http, details, client_assertion=assertion)).status_code == 201
        assert (await city.push(http, details, client_assertion=assertion)).status_code == 401


@pytest.mark.parametrize("named", ["a\0b", "\ud800", ["justice-system"], None])
async def test_an_assertion_of_a_client_that_can_have_no_row_is_refused_like_any_other(
    world: World, named: object
) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    forged = f"{encode({'alg': 'ES256', 'typ': 'JWT'})}.{encode({'iss': named, 'sub': named})}.AAAA"
    async with world.http() as http:
        answer = await city.push(http, details, client_assertion=forged)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_another_clients_key_is_not_ours(world: World) -> None:
    thief = world.city()
    thief.key = world.clients["business-system"]
    async with world.http() as http:
        answer = await thief.push(http, thief.login(world.dossier()))
    assert answer.json()["error"] == "invalid_client"


@pytest.mark.parametrize("change", [{"htm": "GET"}, {"htu": "http://localhost:8080/identity/token"}, {"iat": 1}])
async def test_a_proof_for_another_request_is_refused(world: World, change: dict[str, Any]) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as http:
        proof = city.proof("/identity/par", **change)
        answer = await city.post(http, "par", city.pushed(details), proof=proof)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


async def test_a_proof_works_once(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    proof = city.proof("/identity/par")
    async with world.http() as http:
        assert (await city.post(http, "par", city.pushed(details), proof=proof)).status_code == 201
        again = await city.post(http, "par", city.pushed(details), proof=proof)
    assert again.json()["error"] == "invalid_dpop_proof"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"content": "a=1&a=2", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400),
        ({"content": "state=a%00b", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400),
        ({"json": {"response_type": "code"}}, 400),
        ({"files": {"f": b"x"}}, 400),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_refused_in_oauths_words(
    world: World, sent: dict[str, Any], status: int
) -> None:
    async with world.http() as http:
        answer = await http.post("/identity/par", **sent)
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


async def test_a_body_that_is_too_large_is_refused_before_anybody_reads_it(world: World) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    async with world.http() as http:
        announced = await http.post("/identity/par", content="a=" + "x" * 70_000, headers=form)
        in_pieces = await http.post("/identity/par", content=chunks(), headers=form)
    for refused in (announced, in_pieces):
        assert (refused.status_code, refused.json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("endpoint", ["par", "token"])
async def test_what_never_reaches_the_endpoint_is_refused_in_oauths_words_too(world: World, endpoint: str) -> None:
    async with world.http() as http:
        wrong_method = await http.get(f"/identity/{endpoint}")
        bomb = await http.post(f"/identity/{endpoint}", headers={f"x-{n}": "1" for n in range(200)})
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    assert bomb.status_code == 431
    for refused in (wrong_method, bomb):
        assert refused.json()["error"] == "invalid_request"
        assert refused.headers["content-type"] == "application/json"


@pytest.mark.parametrize("endpoint", ["par", "token"])
async def test_a_bug_is_a_server_error_in_oauths_words(world: World, endpoint: str) -> None:
    parts = world.service.app.state.parts
    world.service.app.state.parts = None  # whatever is asked of it fails
    try:
        transport = httpx2.ASGITransport(world.service.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as http:
            refused = await world.city().post(http, endpoint, {})
    finally:
        world.service.app.state.parts = parts
    assert (refused.status_code, refused.json()["error"]) == (500, "server_error")


async def test_reuse_being_down_is_said_in_oauths_words(world: World) -> None:
    city = world.city()
    details = city.login(world.dossier())
    world.reuse.down = True
    async with world.http() as http:
        answer = await city.push(http, details)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


@pytest.mark.parametrize(
    "change",
    [
        {"type": "other"},
        {"actor": {"kind": "officer", "ref": "o", "position": "p"}},
        {"actor": {"kind": "citizen", "ref": "x"}},
        {"attributes": []},
        {"attributes": ["person.pin", "person.pin"]},
        {"attributes": ["PIN"]},
        {"attributes": "person.pin"},
        {"dossier_uid": "1"},
        {"purpose": "self_service"},
        {"unknown": 1},
    ],
)
async def test_details_that_are_not_a_login_are_refused(world: World, change: dict[str, Any]) -> None:
    told = await refused(world, world.city().login(world.dossier(), **change))
    assert told["error"] == "invalid_authorization_details"


async def test_a_city_system_cannot_log_somebody_in_to_her_own_page(world: World) -> None:
    told = await refused(world, {"type": "reuse_dossier", "purpose": "self_service"})
    assert told["error"] == "invalid_authorization_details"


async def test_our_own_page_logs_in_to_nothing_else(world: World) -> None:
    page = world.page()
    async with world.http() as http:
        for details, resource in (
            (page.login(world.dossier()), "http://localhost:8080/consent"),
            ({"type": "reuse_dossier", "purpose": "self_service"}, "http://localhost:8080/reuse"),
        ):
            answer = await page.push(http, details, resource=resource)
            assert answer.json()["error"] in ("invalid_authorization_details", "invalid_target")
