"""The simulated VNeID is strict: what a real provider would refuse must already fail on a laptop."""

import base64
import hashlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.infra.relying_party import ISSUER, RelyingParty


@pytest.fixture
async def party() -> AsyncIterator[RelyingParty]:
    party = RelyingParty()
    async with party.http, party.browser:
        yield party


async def test_a_login_gives_an_id_token_that_verifies_and_claims_in_dialect_a(party: RelyingParty) -> None:
    callback = await party.log_in("year_only", nonce="n-1", state="s-1")
    assert (callback["state"], callback["iss"]) == ("s-1", ISSUER)
    reply = (await party.redeem(callback["code"])).json()
    keys = KeySet.import_key_set((await party.http.get("/vneid/jwks")).json())
    claims = jwt.decode(reply["id_token"], keys, algorithms=["ES256"]).claims
    half = base64.urlsafe_b64encode(hashlib.sha256(reply["access_token"].encode()).digest()[:16]).rstrip(b"=")
    now = int(party.clock.now().timestamp())
    assert claims["at_hash"] == half.decode()
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, "gateway", "n-1")
    assert (claims["acr"], claims["auth_time"]) == ("3", now)
    told = (await party.userinfo(reply)).json()
    assert told["sub"] == claims["sub"]
    assert (told["NgayThangNamSinh"], told["IAL"], told["loAs"]) == ("1958", "2", "3")


async def test_discovery_names_the_issuer_it_is_found_under(party: RelyingParty) -> None:
    found = (await party.http.get("/vneid/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://localhost:8080/identity/vneid/callback/"},
        {"redirect_uri": "http://localhost:8080/identity/vneid/callback?next=1"},
        {"redirect_uri": None},
        {"client_id": "stranger"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    party: RelyingParty, changes: dict[str, str | None]
) -> None:
    page = await party.browser.open(party.authorize_url(**changes))
    assert page.status == 400
    assert page.url.startswith(ISSUER)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"prompt": "login none"}, "invalid_request"),
        ({"prompt": "hurry"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"request_uri": "urn:x"}, "request_not_supported"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_a_faulty_request_goes_back_to_the_client_without_a_page(
    party: RelyingParty, changes: dict[str, str | None], error: str
) -> None:
    await party.browser.open(party.authorize_url(**changes))
    assert (party.callback()["error"], party.callback()["iss"]) == (error, ISSUER)


@pytest.mark.parametrize("reused", ["state", "nonce"])
async def test_a_state_or_nonce_works_once(party: RelyingParty, reused: str) -> None:
    await party.log_in(**{reused: "once"})
    await party.browser.open(party.authorize_url(**{reused: "once"}))
    assert party.callback()["error"] == "invalid_request"


async def test_a_reload_is_not_a_second_use_but_the_same_link_in_another_browser_is(party: RelyingParty) -> None:
    url = party.authorize_url()
    await party.browser.open(url)
    assert (await party.browser.open(url)).status == 200
    async with party.new_browser() as other:
        assert "error=invalid_request" in (await other.open(url)).url


async def test_two_tabs_of_one_browser_both_work(party: RelyingParty) -> None:
    first = await party.browser.open(party.authorize_url(state="tab-1"))
    await party.log_in("father", state="tab-2")
    party.browser.page = first
    await party.browser.press("mother")
    await party.browser.press("Đồng ý")
    assert party.callback()["state"] == "tab-1"


async def test_a_fresh_login_needs_prompt_login_or_a_max_age(party: RelyingParty) -> None:
    await party.log_in()
    earlier = int(party.clock.now().timestamp())
    party.clock.pass_(minutes=10)
    page = await party.browser.open(party.authorize_url(prompt=None))
    assert "Phạm Thu Hòa" in page.text
    await party.browser.press("Đồng ý")
    reply = (await party.redeem(party.callback()["code"])).json()
    claims = jwt.decode(reply["id_token"], party.signing_key, algorithms=["ES256"]).claims
    assert claims["auth_time"] == earlier
    for fresh in ({"prompt": "login"}, {"prompt": None, "max_age": "60"}):
        assert "Ai đang cầm điện thoại?" in (await party.browser.open(party.authorize_url(**fresh))).text


async def test_refusing_gives_access_denied_and_ends_the_login(party: RelyingParty) -> None:
    await party.browser.open(party.authorize_url())
    phone = await party.browser.press("mother")
    await party.browser.press("Từ chối")
    assert party.callback()["error"] == "access_denied"
    party.browser.page = phone
    assert (await party.browser.press("Đồng ý")).status == 400


async def test_who_refuses_everything_has_no_button_to_approve(party: RelyingParty) -> None:
    await party.browser.open(party.authorize_url())
    page = await party.browser.press("refuser")
    assert [button.text for form in page.forms for button in form.buttons] == ["Từ chối"]


async def test_for_a_locked_account_vneid_refuses_whatever_she_presses(party: RelyingParty) -> None:
    await party.browser.open(party.authorize_url())
    page = await party.browser.press("revoked")
    assert [button.text for form in page.forms for button in form.buttons] == ["Từ chối"]
    await party.browser.press("Từ chối")
    assert party.callback()["error"] == "access_denied"


async def test_who_gives_up_is_never_sent_back(party: RelyingParty) -> None:
    await party.browser.open(party.authorize_url())
    phone = await party.browser.press("gives_up")
    assert (await party.browser.press("Đồng ý")).status == 400
    party.browser.page = phone
    assert (await party.browser.press("Từ chối")).status == 400


async def test_logging_out_ends_the_session_that_would_have_been_kept(party: RelyingParty) -> None:
    await party.log_in()
    await party.browser.open(f"{ISSUER}/logout")
    assert "Ai đang cầm điện thoại?" in (await party.browser.open(party.authorize_url(prompt=None))).text


async def test_the_key_before_stays_published_until_the_next_rotation_or_goes_at_once(party: RelyingParty) -> None:
    async def published() -> list[str]:
        return [key["kid"] for key in (await party.http.get("/vneid/jwks")).json()["keys"]]

    (first,) = await published()
    party.keys.rotate(keep=True)
    second, kept = await published()
    assert (kept, second) == (first, party.keys.current.kid)
    party.keys.rotate(keep=False)
    assert await published() == [party.keys.current.kid]
    reply = (await party.redeem((await party.log_in())["code"])).json()
    assert jwt.decode(reply["id_token"], party.keys.current, algorithms=["ES256"]).header["kid"] not in (first, second)


async def test_another_browser_cannot_answer_for_her(party: RelyingParty) -> None:
    await party.browser.open(party.authorize_url())
    phone = await party.browser.press("mother")
    async with party.new_browser() as thief:
        thief.page = phone
        assert (await thief.press("Đồng ý")).status == 400


async def test_a_login_left_open_ends(party: RelyingParty) -> None:
    await party.browser.open(party.authorize_url())
    party.clock.pass_(minutes=5)
    assert (await party.browser.press("mother")).status == 400


async def test_a_code_works_once_and_its_second_use_revokes_the_token(party: RelyingParty) -> None:
    code = (await party.log_in())["code"]
    reply = (await party.redeem(code)).json()
    assert (await party.userinfo(reply)).status_code == 200
    again = await party.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await party.userinfo(reply)).status_code == 401


async def test_a_code_ends_after_a_minute(party: RelyingParty) -> None:
    code = (await party.log_in())["code"]
    party.clock.pass_(seconds=60)
    assert (await party.redeem(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:8080/other"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
    ],
)
async def test_a_code_needs_its_verifier_and_its_redirect_uri(
    party: RelyingParty, changes: dict[str, str], error: str
) -> None:
    refused = await party.redeem((await party.log_in())["code"], **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, error)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [ISSUER]},
        {"aud": "http://localhost:8090"},
        {"iss": "other"},
        {"sub": "other"},
        {"jti": None},
        {"exp": 1},
        {"exp": 4102444800},
        {"iat": 4102444800},
    ],
)
async def test_a_bad_client_assertion_is_refused(party: RelyingParty, changes: dict[str, object]) -> None:
    code = (await party.log_in())["code"]
    refused = await party.redeem(code, client_assertion=party.assertion(**changes))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_works_once(party: RelyingParty) -> None:
    assertion = party.assertion()
    first = await party.redeem((await party.log_in())["code"], client_assertion=assertion)
    again = await party.redeem((await party.log_in())["code"], client_assertion=assertion)
    assert (first.status_code, again.status_code) == (200, 401)


async def test_an_assertion_of_a_foreign_key_is_refused(party: RelyingParty) -> None:
    code = (await party.log_in())["code"]
    party.key = ECKey.generate_key("P-256")
    assert (await party.redeem(code)).json()["error"] == "invalid_client"


async def test_a_code_is_no_use_to_another_client(party: RelyingParty) -> None:
    code = (await party.log_in())["code"]
    assertion = party.assertion(iss="other", sub="other")
    refused = await party.redeem(code, client_id="other", client_assertion=assertion)
    assert refused.json()["error"] == "invalid_grant"


async def test_a_parameter_given_twice_is_refused(party: RelyingParty) -> None:
    url = party.authorize_url()
    page = await party.browser.open(f"{url}&state=again")
    assert page.status == 400
    assert dict(parse_qsl(urlsplit(url).query))["state"] not in page.text


async def test_a_wrong_address_is_answered_with_a_page_that_says_what_to_do(party: RelyingParty) -> None:
    page = await party.browser.open(f"{ISSUER}/nowhere")
    assert page.status == 404
    assert "quay lại hệ thống nơi bạn bắt đầu" in page.text
