"""Attacks by way of VNeID's answers that test_vneid_answers.py does not bend: its keys, and codes of other logins."""

from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.services.identity.conftest import World, back
from tests.services.identity.test_vneid_answers import leave_out, log_in
from tests.services.identity.vneid import make_person
from tests.shared.credentials import encode, sign

pytestmark = pytest.mark.stack


def publish(world: World, *more: Any, instead: bool = False) -> None:
    """Let VNeID publish other keys beside its own, or instead; ours are looked up anew."""

    def tamper(published: dict[str, Any]) -> None:
        published["keys"] = [*more] if instead else [*more, *published["keys"]]

    world.vneid.tamper_keys = tamper
    forget_keys(world)


def forget_keys(world: World) -> None:
    """Let ten minutes go by since VNeID's keys were looked up."""
    world.parts.vneid._keys._fetched = None


@pytest.fixture(autouse=True)
def fresh_keys(world: World) -> None:
    forget_keys(world)
    world.parts.vneid._keys._in_vain = None


async def succeeds(world: World) -> None:
    """Log somebody in, as far as the question."""
    async with world.http() as browser:
        page = await world.log_in(browser, world.city().login(world.dossier()), make_person())
    assert page.status_code == 200, page.headers.get("location")


async def test_id_token_kid_absent_with_several_matching_keys_is_refused(world: World) -> None:
    """OIDC Core §10.1: with several keys the name is a must; we try none."""
    publish(world, ECKey.generate_key("P-256", auto_kid=True).as_dict(private=False))
    world.vneid.tamper_header = leave_out("kid")
    await log_in(world)


async def test_id_token_kid_that_two_keys_have_is_refused(world: World) -> None:
    twin = ECKey.generate_key("P-256").as_dict(private=False) | {"kid": world.vneid.key.kid}
    publish(world, twin)
    await log_in(world)


async def test_id_token_by_a_key_rotated_before_the_login_is_believed(world: World) -> None:
    world.vneid.key = ECKey.generate_key("P-256", auto_kid=True)
    await succeeds(world)


async def test_id_token_by_a_key_that_was_withdrawn_is_refused(world: World) -> None:
    withdrawn = world.vneid.key
    world.vneid.key = ECKey.generate_key("P-256", auto_kid=True)

    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return sign(header | {"kid": withdrawn.kid}, claims, withdrawn)

    world.vneid.sign_with = forge
    await log_in(world)


async def test_id_token_with_an_algorithm_that_is_not_ours_is_refused_though_its_key_is_published(
    world: World,
) -> None:
    """RS256 by a key of VNeID's own: what we accept is what we registered."""
    rsa = RSAKey.generate_key(2048, auto_kid=True)
    publish(world, rsa.as_dict(private=False))

    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        return sign(header | {"alg": "RS256", "kid": rsa.kid}, claims, rsa)

    world.vneid.sign_with = forge
    await log_in(world)


async def test_id_token_with_one_bit_of_its_signature_changed_is_refused(world: World) -> None:
    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        head, payload, signature = sign(header, claims, world.vneid.key).split(".")
        return f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"

    world.vneid.sign_with = forge
    await log_in(world)


async def test_id_token_whose_claims_were_changed_after_signing_is_refused(world: World) -> None:
    def forge(header: dict[str, Any], claims: dict[str, Any]) -> str:
        head, _, signature = sign(header, claims, world.vneid.key).split(".")
        return f"{head}.{encode(claims | {'acr': '4'})}.{signature}"

    world.vneid.sign_with = forge
    await log_in(world)


ODD = [
    {"kty": "OKP", "crv": "X9", "x": "AAAA", "kid": "odd"},
    {"kty": "EC", "crv": "P-256", "x": "not a point", "y": "", "kid": "odd"},
    {"kty": "EC", "crv": "P-521", "x": "AAAA", "y": "AAAA", "kid": "odd"},
    {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "odd"},
    {"kty": "none"},
    {},
    OctKey.generate_key(256).as_dict(private=True) | {"kid": "odd"},
]


async def test_jwks_with_odd_keys_beside_the_right_one_do_no_harm(world: World) -> None:
    publish(world, *ODD)
    await succeeds(world)


async def test_jwks_of_odd_keys_alone_verify_nothing(world: World) -> None:
    publish(world, *ODD, instead=True)
    await log_in(world)


@pytest.mark.parametrize("published", [[], "keys", None, [1]], ids=str)
async def test_jwks_that_are_no_key_set_verify_nothing(world: World, published: Any) -> None:
    world.vneid.tamper_keys = lambda keys: keys.update(keys=published)
    await log_in(world)


async def test_callback_with_a_code_of_another_login_is_refused(world: World) -> None:
    """Code injection: PKCE and nonce bind a code to the login that began in this browser (RFC 9700 §4.5)."""
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as thief, world.http() as victim:
        stolen = world.vneid.approve(await door(world, victim), make_person())
        answer = world.vneid.approve(await world.to_vneid(thief, city, details), make_person())
        told = back(await world.from_vneid(thief, answer | {"code": stolen["code"]}))
    assert told["error"] == "server_error"
    assert (await world.who_is(details))["state"] == "none"


async def test_callback_replayed_after_the_code_was_given_is_refused(world: World) -> None:
    """VNeID's answer, brought again when the login has come to its end: no second code, no token call."""
    city = world.city()
    async with world.http() as browser:
        answer = world.vneid.approve(await door(world, browser), make_person())
        assert (await world.from_vneid(browser, answer)).status_code == 200
        flow_id = world.consent.opened[-1]["flow_id"]
        world.consent.decide(flow_id, "person.pin")
        given = back(await browser.get(f"/identity/flows/{flow_id}/return"))
        asked = world.vneid.asked.count("token")
        again = await world.from_vneid(browser, answer)
        assert (again.status_code, world.vneid.asked.count("token")) == (403, asked)
        assert (await city.trade(browser, given["code"])).json().get("error") != "server_error"


async def test_callback_with_a_state_altered_by_one_character_is_refused(world: World) -> None:
    async with world.http() as browser:
        answer = world.vneid.approve(await door(world, browser), make_person())
        altered = answer["state"][:-1] + ("A" if answer["state"][-1] != "A" else "B")
        assert (await world.from_vneid(browser, answer | {"state": altered})).status_code == 404
        assert (await world.from_vneid(browser, answer)).status_code == 200


async def test_a_code_with_a_plus_in_it_arrives_as_it_was_sent(world: World) -> None:
    async with world.http() as browser:
        answer = world.vneid.approve(await door(world, browser), make_person())
        world.vneid.issue_code("a+b/c= %2B&d", instead_of=answer["code"])
        page = await world.from_vneid(browser, answer | {"code": "a+b/c= %2B&d"})
    assert page.status_code == 200


async def door(world: World, browser: httpx2.AsyncClient) -> str:
    """Bring a browser to VNeID's door, for a dossier of its own."""
    return await world.to_vneid(browser, world.city(), world.city().login(world.dossier()))
