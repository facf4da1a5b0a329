"""Attacks on our OAuth endpoints that test_par.py and test_token.py do not try: algorithms, replay elsewhere, age."""

import hmac
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc.jwk import RSAKey

from services.identity.__main__ import compose
from shared import clock
from shared.db import Database
from tests.services.identity.city import City
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person
from tests.shared.credentials import ORIGIN, Holder, encode, sign

pytestmark = pytest.mark.stack


@asynccontextmanager
async def elsewhere(world: World) -> AsyncGenerator[httpx2.AsyncClient]:
    """Reach another process of identity: composed anew, on the same database, with nothing else in common."""
    other = compose(world.service.settings)  # pyright: ignore[reportArgumentType] - they are identity's
    other.app.state.parts.reuse._client.http = world.parts.reuse._client.http
    other.db = await Database.connect(other.settings.dsn())
    try:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(other.app), base_url=ORIGIN) as http:
            yield http
    finally:
        await other.db.close()


async def test_client_assertion_used_at_one_process_is_refused_at_another(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    assertion = city.assertion()
    async with world.http() as here, elsewhere(world) as there:
        assert (await city.push(here, details, client_assertion=assertion)).status_code == 201
        again = await city.push(there, details, client_assertion=assertion)
        assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
        assert (await city.push(there, details)).status_code == 201


async def test_dpop_proof_used_at_one_process_is_refused_at_another(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    proof = city.proof("/identity/par")
    async with world.http() as here, elsewhere(world) as there:
        assert (await city.post(here, "par", city.pushed(details), proof=proof)).status_code == 201
        again = await city.post(there, "par", city.pushed(details), proof=proof)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


async def test_code_traded_at_one_process_is_refused_at_another(world: World) -> None:
    city = world.city()
    async with world.http() as here, elsewhere(world) as there:
        answer = await world.decided(here, city, city.login(world.dossier()), make_person(), "person.pin")
        assert (await city.trade(here, answer["code"])).status_code == 200
        assert (await city.trade(there, answer["code"])).json()["error"] == "invalid_grant"


def forged_assertion(city: City, header: dict[str, Any]) -> str:
    """Sign a client's assertion in a way we do not take."""
    payload = {"iss": city.client_id, "sub": city.client_id, "aud": f"{ORIGIN}/identity", "jti": "j" * 16}
    now = int(clock.now().timestamp())
    claims, head = payload | {"iat": now, "exp": now + 60}, {"typ": "JWT", **header}
    match header["alg"]:
        case "none":
            return f"{encode(head)}.{encode(claims)}."
        case "HS256":  # with the public key, which everybody has, as the secret
            signed = f"{encode(head)}.{encode(claims)}"
            return f"{signed}.{encode(hmac.digest(city.key.as_pem(private=False), signed.encode(), 'sha256'))}"
        case _:
            return sign(head, claims, RSAKey.generate_key(2048))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("algorithm", ["RS256", "HS256", "none"])
async def test_client_assertion_by_another_algorithm_is_refused(world: World, algorithm: str) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as http:
        answer = await city.push(http, details, client_assertion=forged_assertion(city, {"alg": algorithm}))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_client_assertion_that_expired_five_minutes_ago_is_refused(world: World) -> None:
    city, now = world.city(), int(clock.now().timestamp())
    async with world.http() as http:
        old = city.assertion(iat=now - 360, exp=now - 300)
        answer = await city.push(http, city.login(world.dossier()), client_assertion=old)
    assert answer.json()["error"] == "invalid_client"


PAR = f"{ORIGIN}/identity/par"


@pytest.mark.parametrize(
    "address",
    [f"{PAR}?x=1", f"{PAR}/", "http://localhost:8081/identity/par", "https://localhost:8080/identity/par", None],
    ids=["query", "trailing slash", "port", "scheme", "missing"],
)
async def test_dpop_proof_for_almost_the_address_of_par_is_refused(world: World, address: str | None) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as http:
        answer = await city.post(http, "par", city.pushed(details), proof=city.proof("/identity/par", htu=address))
    assert answer.json()["error"] == "invalid_dpop_proof"


async def test_dpop_missing_or_doubled_at_par_is_refused(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    form = city.pushed(details) | {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": city.assertion(),
    }
    proofs = [("dpop", city.proof("/identity/par")), ("dpop", city.proof("/identity/par"))]
    async with world.http() as http:
        for headers in ([], proofs):
            answer = await http.post("/identity/par", data=form, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")


async def test_request_uri_that_expired_is_refused(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        address = await city.authorize_url(browser, details)
        async with world.tx() as tx:
            await tx.execute("UPDATE pushed_request SET expires_at = $1 WHERE logged_in_at IS NULL", clock.now())
        answer = await browser.get(address)
    assert (answer.status_code, "location" in answer.headers) == (403, False)


async def test_request_uri_is_the_only_thing_believed_of_the_address(world: World) -> None:
    """RFC 9126 §4: a redirect_uri or attribute in the front channel changes nothing."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        address = await city.authorize_url(browser, details)
        more = urlencode({"redirect_uri": "https://evil.invalid/", "state": "evil", "scope": "everything"})
        door = (await browser.get(f"{address}&{more}")).headers["location"]
        told = await world.from_vneid(browser, world.vneid.refuse(door))
    assert told.headers["location"].startswith(f"{city.redirect_uri}&error=access_denied")
    assert "evil" not in told.headers["location"]


async def test_duplicate_parameter_in_a_pushed_request_is_refused(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    form = city.pushed(details) | {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": city.assertion(),
    }
    body = urlencode([*form.items(), ("redirect_uri", "https://evil.invalid/")])
    headers = {"content-type": "application/x-www-form-urlencoded", "dpop": city.proof("/identity/par")}
    async with world.http() as http:
        answer = await http.post("/identity/par", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_token_for_another_key_than_the_proof_is_not_to_be_had(world: World) -> None:
    """What a thief of a code gets with his own client, key and verifier: nothing, and the code stays the victim's."""
    city, thief = world.city(), world.city("business-system", holder=Holder(), verifier="w" * 43)
    async with world.http() as http:
        answer = await world.decided(http, city, city.login(world.dossier()), make_person(), "person.pin")
        assert (await thief.trade(http, answer["code"])).json()["error"] == "invalid_grant"
        assert (await city.trade(http, answer["code"])).status_code == 200
