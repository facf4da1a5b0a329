"""Answers of VNeID that must not be believed: one test for each way an attacker, or a mistake, could bend them."""

import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.services.identity.conftest import World, back
from tests.services.identity.vneid import CLIENT_ID, make_person
from tests.shared.credentials import encode, sign

pytestmark = pytest.mark.stack

Bend = Callable[[dict[str, Any]], Any]


async def log_in(world: World) -> dict[str, str]:
    """Log somebody in whatever VNeID does; return what the client gets, and hold that nothing is kept."""
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        answer = back(await world.log_in(browser, details, make_person()))
    assert (await world.who_is(details))["state"] == "none"
    told = await world.events(details["dossier_uid"])
    assert [(name, data["reason"], data["fault"]) for name, data in told] == [
        ("login-failed", "response_invalid", "source")
    ]
    assert answer["error"] == "server_error"
    return answer


def leave_out(name: str) -> Bend:
    """Make a claim missing."""
    return lambda claims: claims.pop(name)


def put(name: str, value: Any) -> Bend:
    """Make a claim another."""
    return lambda claims: claims.update({name: value})


def put_all(**values: Any) -> Bend:
    """Make several claims others."""
    return lambda claims: claims.update(values)


def shift(name: str, seconds: int) -> Bend:
    """Make a time another."""
    return lambda claims: claims.update({name: int(time.time()) + seconds})


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "acr", "at_hash"])
async def test_an_id_token_without_one_of_its_claims(world: World, name: str) -> None:
    world.vneid.tamper_id_token = leave_out(name)
    await log_in(world)


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(put("iss", "http://localhost:8090/other"), id="another issuer"),
        pytest.param(put("aud", "other"), id="another audience"),
        pytest.param(put("aud", [CLIENT_ID, "other"]), id="an audience beside us"),
        pytest.param(put("aud", ["other", CLIENT_ID]), id="an audience before us"),
        pytest.param(put_all(aud=[CLIENT_ID, "other"], azp=CLIENT_ID), id="an audience beside us though azp is us"),
        pytest.param(put_all(aud=["other"], azp=CLIENT_ID), id="another audience though azp is us"),
        pytest.param(put("aud", []), id="no audience"),
        pytest.param(put("azp", "other"), id="issued to another"),
        pytest.param(put("nonce", "n"), id="another login's nonce"),
        pytest.param(put("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), id="another access token"),
        pytest.param(shift("exp", -31), id="expired"),
        pytest.param(shift("iat", -3600), id="made an hour ago"),
        pytest.param(shift("iat", 120), id="made in the future"),
        pytest.param(shift("auth_time", -120), id="an old session instead of a fresh login"),
        pytest.param(shift("auth_time", 120), id="a login in the future"),
        pytest.param(put("auth_time", "now"), id="a time that is none"),
        pytest.param(put("acr", "4"), id="another strength than userinfo tells"),
        pytest.param(put("acr", 3), id="a strength that is no text"),
        pytest.param(put("sub", "somebody-else"), id="another person than userinfo tells"),
        pytest.param(put("sub", ""), id="nobody"),
    ],
)
async def test_an_id_token_that_is_not_of_this_login(world: World, bend: Bend) -> None:
    world.vneid.tamper_id_token = bend
    await log_in(world)


async def test_an_audience_as_a_list_of_us_alone_is_fine(world: World) -> None:
    world.vneid.tamper_id_token = put("aud", [CLIENT_ID])
    async with world.http() as browser:
        page = await world.log_in(browser, world.city().login(world.dossier()), make_person())
    assert page.status_code == 200


async def test_an_id_token_signed_by_nobody(world: World) -> None:
    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return sign(header, claims, ECKey.generate_key("P-256"))

    world.vneid.sign_with = forge
    await log_in(world)


async def test_an_id_token_with_alg_none(world: World) -> None:
    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return f"{encode(header | {'alg': 'none'})}.{encode(claims)}."

    world.vneid.sign_with = forge
    await log_in(world)


async def test_an_id_token_signed_with_our_public_key_as_a_secret(world: World) -> None:
    """The metadata offer HS256 as well: what we accept is pinned by us, not by them."""
    public = world.vneid.key.as_pem(private=False)

    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = f"{encode(header | {'alg': 'HS256'})}.{encode(claims)}"
        mac = hmac.digest(public, signed.encode(), "sha256")
        return f"{signed}.{encode(mac)}"

    world.vneid.sign_with = forge
    await log_in(world)


async def test_an_id_token_by_a_key_rotated_a_moment_ago_is_believed_after_one_look(world: World) -> None:
    async with world.http() as browser:
        await world.log_in(browser, world.city().login(world.dossier()), make_person())
        world.vneid.key = ECKey.generate_key("P-256", auto_kid=True)
        world.parts.vneid._keys._fetched = None
        page = await world.log_in(browser, world.city().login(world.dossier()), make_person())
    assert page.status_code == 200


async def test_invented_key_names_are_no_flood_of_fetches(world: World) -> None:
    world.vneid.tamper_header = put("kid", "invented")
    await log_in(world)
    fetched = world.vneid.asked.count("jwks")
    await log_in(world)
    assert world.vneid.asked.count("jwks") == fetched


async def test_an_id_token_without_a_key_name_is_verified_by_the_only_key(world: World) -> None:
    world.vneid.tamper_header = leave_out("kid")
    async with world.http() as browser:
        page = await world.log_in(browser, world.city().login(world.dossier()), make_person())
    assert page.status_code == 200


@pytest.mark.parametrize(
    "bend",
    [leave_out("id_token"), leave_out("access_token"), put("token_type", "mac"), put("id_token", "not.a.jwt")],
)
async def test_a_token_reply_that_is_not_as_agreed(world: World, bend: Bend) -> None:
    world.vneid.tamper_reply = bend
    await log_in(world)


async def test_the_token_type_may_come_in_any_case(world: World) -> None:
    world.vneid.tamper_reply = put("token_type", "bearer")
    async with world.http() as browser:
        page = await world.log_in(browser, world.city().login(world.dossier()), make_person())
    assert page.status_code == 200


@pytest.mark.parametrize(
    "bend",
    [
        leave_out("SoDinhDanh"),
        put("SoDinhDanh", "03219400421"),
        put("NgayThangNamSinh", "19940231"),
        put("NgayThangNamSinh", 19940312),
        put("HoVaTen", ""),
        put("IAL", "3"),
        put("loAs", "9"),
        put("sub", "somebody-else"),
    ],
)
async def test_userinfo_that_is_not_as_agreed(world: World, bend: Bend) -> None:
    world.vneid.tamper_userinfo = bend
    await log_in(world)


@pytest.mark.parametrize("bend", [put("issuer", "http://localhost:8090/other"), put("token_endpoint", "http://evil/t")])
async def test_metadata_of_another_provider_are_not_used(world: World, bend: Bend) -> None:
    world.vneid.tamper_metadata = bend
    details = world.city().login(world.dossier())
    async with world.http() as browser:
        answer = back(await browser.get(await world.city().authorize_url(browser, details)))
    assert answer["error"] == "server_error"


@pytest.mark.parametrize("iss", [None, "http://localhost:8090/other"])
async def test_an_answer_that_does_not_name_the_provider_makes_no_token_call(world: World, iss: str | None) -> None:
    """RFC 9207: the mix-up defence comes before anything else is done with the answer."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        door = await world.to_vneid(browser, city, details)
        answer = world.vneid.approve(door, make_person()) | {"iss": iss or ""}
        before = world.vneid.asked.count("token")
        told = back(await world.from_vneid(browser, {k: v for k, v in answer.items() if v}))
    assert told["error"] == "server_error"
    assert world.vneid.asked.count("token") == before


async def test_an_error_answer_makes_no_token_call(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as browser:
        door = await world.to_vneid(browser, city, details)
        before = world.vneid.asked.count("token")
        both = world.vneid.approve(door, make_person()) | {"error": "server_error"}
        told = back(await world.from_vneid(browser, both))
    assert told["error"] == "temporarily_unavailable"
    assert world.vneid.asked.count("token") == before
