"""Her login to her own page: what is pushed, what comes back, and what begins no session."""

from typing import Any

import pytest
from joserfc import jwt

from shared import ids
from tests.services.consent.conftest import Browser, World
from tests.shared.credentials import ORIGIN

pytestmark = pytest.mark.stack


async def test_the_login_is_pushed_with_pkce_a_signed_client_and_a_proof(world: World) -> None:
    async with world.browser() as browser:
        begun = await browser.get("/consent/login")
        pushed = world.identity.pushed[-1]
    assert begun.headers["location"].startswith(f"{ORIGIN}/identity/authorize?client_id=consent&request_uri=")
    assert pushed["code_challenge_method"] == "S256"
    assert pushed["resource"] == f"{ORIGIN}/consent"
    assert pushed["authorization_details"] == '[{"type":"reuse_dossier","purpose":"self_service"}]'
    key = world.parts.login._key.jwk
    assert jwt.decode(pushed["client_assertion"], key, algorithms=["ES256"]).claims["aud"] == f"{ORIGIN}/identity"
    assert jwt.decode(pushed["dpop"], key, algorithms=["ES256"]).claims["htu"] == f"{ORIGIN}/identity/par"


async def begin(world: World, browser: Browser) -> str:
    await browser.get("/consent/login")
    return world.identity.pushed[-1]["state"]


async def test_a_login_answer_counts_once_and_only_in_the_browser_that_began(world: World) -> None:
    async with world.browser() as browser, world.browser() as other:
        callback = f"/consent/callback?state={await begin(world, browser)}&iss={ORIGIN}/identity&code=c"
        assert (await other.get(callback)).status_code == 403
        assert (await browser.get(callback)).status_code == 303
        assert (await browser.get(callback)).status_code == 403


@pytest.mark.parametrize("iss", ["", "&iss=https://evil.invalid/identity"])
async def test_an_answer_of_another_issuer_is_no_login(world: World, iss: str) -> None:
    async with world.browser() as browser:
        answer = await browser.get(f"/consent/callback?state={await begin(world, browser)}{iss}&code=c")
    assert answer.status_code == 403
    assert "Đăng nhập chưa thành công" in answer.text


async def test_a_refused_login_is_told_in_words(world: World) -> None:
    async with world.browser() as browser:
        state = await begin(world, browser)
        answer = await browser.get(f"/consent/callback?state={state}&iss={ORIGIN}/identity&error=access_denied")
    assert answer.status_code == 403
    assert "Đăng nhập chưa thành công" in answer.text


@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
async def test_a_vneid_that_fails_is_not_told_as_her_fault(world: World, error: str) -> None:
    """I11: the source's fault, and she may try again."""
    async with world.browser() as browser:
        state = await begin(world, browser)
        answer = await browser.get(f"/consent/callback?state={state}&iss={ORIGIN}/identity&error={error}")
    assert answer.status_code == 503
    assert "VNeID tạm thời không trả lời" in answer.text


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": f"{ORIGIN}/reuse"},
        {"client_id": "justice-system"},
        {"subject_id": None},
        {"cnf": {"jkt": "x" * 43}},
    ],
)
async def test_a_token_that_is_not_hers_for_us_begins_no_session(world: World, claims: dict[str, Any]) -> None:
    async with world.browser() as browser:
        state = await begin(world, browser)
        world.identity.claims = claims
        try:
            answer = await browser.get(f"/consent/callback?state={state}&iss={ORIGIN}/identity&code=c")
        finally:
            world.identity.claims = {}
    assert answer.status_code == 403
    assert "motlan-me" not in str(answer.headers)


async def test_only_hashes_of_what_her_browser_holds_are_kept(world: World) -> None:
    async with world.browser() as browser:
        await world.logged_in(browser, ids.new())
        secret = next(value for name, value in browser.http.cookies.items() if name == "motlan-me")
    assert await world.value("SELECT count(*) FROM session WHERE session_hash = sha256($1)", secret.encode()) == 1
