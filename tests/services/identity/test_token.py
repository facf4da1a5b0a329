"""The token endpoint: a code is good for one client, one key, one verifier, one use; work has its mandate."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from services.identity.store import clients
from shared import clock
from shared.tokens import Caller
from tests.services.identity.city import ISSUER, REUSE, City, officer
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person
from tests.shared.credentials import ORIGIN, Holder

pytestmark = pytest.mark.stack


async def a_code(world: World, http: httpx2.AsyncClient, city: City) -> str:
    """Log somebody in and return the code."""
    details = city.login(world.dossier())
    return (await world.decided(http, city, details, make_person(), "person.pin"))["code"]


async def verified(world: World, token: str, audience: str = REUSE) -> Caller:
    """Verify a token as the service it is for."""
    verifier = type(world.service.verifier)(issuer=ISSUER, audience=audience, keys=world.parts.tokens)
    return (await verifier.verify_access_token(token, now=clock.now())).caller


async def test_a_code_is_traded_once_and_a_second_time_revokes_what_it_gave(world: World) -> None:
    city = world.city()
    async with world.http() as http:
        code = await a_code(world, http, city)
        first = await city.trade(http, code)
        again = await city.trade(http, code)
    caller = await verified(world, first.json()["access_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert await world.value("SELECT revoked_at IS NOT NULL FROM code WHERE token_id = $1", caller.token_id)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": "https://city.invalid/other"}, "invalid_grant"),
        ({"resource": f"{ORIGIN}/audit"}, "invalid_target"),
        ({"code": "invented"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
    ],
)
async def test_a_trade_that_is_not_the_clients_is_refused_and_leaves_the_code_good(
    world: World, change: dict[str, Any], error: str
) -> None:
    city = world.city()
    async with world.http() as http:
        code = await a_code(world, http, city)
        answer = await city.trade(http, code, **change)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert (await city.trade(http, code)).status_code == 200


async def test_a_code_is_bound_to_the_key_that_pushed_the_request(world: World) -> None:
    """RFC 9449 §10: a stolen code with the thief's key is worth nothing."""
    city = world.city()
    async with world.http() as http:
        code = await a_code(world, http, city)
        city.holder = Holder()
        answer = await city.trade(http, code)
    assert answer.json()["error"] == "invalid_grant"


async def test_a_code_is_no_other_clients(world: World) -> None:
    """R6, refusing: what a login led to is its own client's, for its own dossier."""
    city, thief = world.city(), world.city("business-system")
    thief.holder = city.holder
    async with world.http() as http:
        code = await a_code(world, http, city)
        assert (await thief.trade(http, code)).json()["error"] == "invalid_grant"


async def test_a_code_lives_for_a_minute(world: World) -> None:
    city = world.city()
    async with world.http() as http:
        code = await a_code(world, http, city)
        async with world.tx() as tx:
            await tx.execute("UPDATE code SET expires_at = $1 WHERE used_at IS NULL", clock.now())
        assert (await city.trade(http, code)).json()["error"] == "invalid_grant"


async def test_a_mandate_taken_back_since_the_login_gives_no_token(world: World) -> None:
    """R1, refusing: the mandate is looked at when the token is issued, not when the login began."""
    city = world.city()
    async with world.http() as http:
        code = await a_code(world, http, city)
        async with world.tx() as tx:
            await tx.execute("UPDATE mandate SET retired_at = $1 WHERE mandate_id = 'm-000101'", clock.now())
        try:
            answer = await city.trade(http, code)
        finally:
            async with world.tx() as tx:
                await tx.execute("UPDATE mandate SET retired_at = NULL WHERE mandate_id = 'm-000101'")
    assert answer.json()["error_description"].startswith("mandate_missing")


@pytest.mark.parametrize(
    ("at", "holds"),
    [
        (datetime(2025, 7, 31, 16, 59, 59, 999_999, UTC), False),
        (datetime(2025, 7, 31, 17, tzinfo=UTC), True),
        (datetime(2025, 12, 31, 16, 59, 59, 999_999, UTC), True),
        (datetime(2025, 12, 31, 17, tzinfo=UTC), False),
    ],
)
async def test_a_mandate_holds_from_its_first_instant_until_just_before_its_last(
    world: World, at: datetime, holds: bool
) -> None:
    """R1: half-open, by days in Vietnam."""
    async with world.tx() as tx:
        found = await clients.mandates_of(tx, "business-system", "ag-000101", now=at)
    assert [each.mandate.id for each in found] == (["m-000101-old"] if holds else [])


async def test_an_officer_works_under_the_mandate_of_her_agency(world: World) -> None:
    """R1, accepting."""
    city = world.city()
    async with world.http() as http:
        given = await city.work(http, officer())
    caller = await verified(world, given.json()["access_token"])
    assert (caller.actor.kind, caller.actor.ref) == ("officer", "off-7")
    assert caller.agency.name == "Ủy ban nhân dân phường Hồng An"
    assert caller.agency.sector == "justice"
    assert caller.mandate.procedures == ("1.001193",)
    assert (caller.sub, caller.dossier_uid, caller.attributes) == (None, None, ())
    assert given.json()["authorization_details"] == [officer()]


async def test_a_token_ends_no_later_than_its_mandate(world: World) -> None:
    city, until = world.city("business-system"), clock.now() + timedelta(seconds=90)
    async with world.tx() as tx:
        await tx.execute("UPDATE mandate SET valid_until = $1 WHERE mandate_id = 'm-000301'", until)
    async with world.http() as http:
        given = await city.work(http, officer(agency_uid="ag-000301"))
    assert given.json()["expires_in"] <= 90


@pytest.mark.parametrize(
    "change",
    [
        {"actor": {"kind": "citizen"}},
        {"actor": {"kind": "officer", "ref": "off-7"}},
        {"actor": {"kind": "officer", "ref": "Nguyễn Văn A", "position": "p"}},
        {"actor": {"kind": "officer", "ref": "032194004217", "position": "p"}},
        {"actor": {"kind": "officer", "ref": "off-7", "position": "a\0b"}},
        {"actor": {"kind": "officer", "ref": "off-7", "position": "a\nb"}},
        {"actor": {"kind": "officer", "ref": "off-7", "position": "cán bộ 032194004217"}},
        {"actor": {"kind": "automated", "ref": "x"}},
        {"dossier_uid": "0199f3c2-7a00-7002-8a00-000000000002"},
        {"attributes": ["person.pin"]},
        {"agency_uid": "ag-000301"},
        {"agency_uid": None},
        {"purpose": "self_service"},
    ],
)
async def test_work_that_is_not_as_agreed_is_refused(world: World, change: dict[str, Any]) -> None:
    async with world.http() as http:
        answer = await world.city().work(http, officer(**change))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")


async def test_the_log_is_read_by_officers_under_a_mandate_of_its_own_kind(world: World) -> None:
    auditor, city, audit = world.city("inspectorate"), world.city(), f"{ORIGIN}/audit"
    theirs = officer(agency_uid="ag-000901")
    async with world.http() as http:
        assert (await auditor.work(http, theirs, resource=audit)).status_code == 200
        assert (await auditor.work(http, theirs)).status_code == 400
        assert (await city.work(http, officer(), resource=audit)).status_code == 400
        machine = officer(agency_uid="ag-000901", actor={"kind": "automated"})
        assert (await auditor.work(http, machine, resource=audit)).status_code == 400


async def test_our_own_page_works_for_no_agency(world: World) -> None:
    async with world.http() as http:
        answer = await world.page().work(http, officer(), resource=f"{ORIGIN}/consent")
    assert answer.json()["error"] == "unauthorized_client"


async def test_the_metadata_promise_what_is_kept_and_no_more(world: World) -> None:
    async with world.http() as http:
        told = (await http.get("/.well-known/oauth-authorization-server/identity")).json()
        keys = (await http.get("/identity/jwks")).json()["keys"]
    assert told["issuer"] == ISSUER
    assert told["require_pushed_authorization_requests"] is True
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["grant_types_supported"] == ["authorization_code", "client_credentials"]
    assert [(key["kty"], key["alg"], "d" in key) for key in keys] == [("RSA", "PS256", False)]
