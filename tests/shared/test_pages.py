"""Pages: in two languages, under a policy without exceptions, and forms that only our own pages can send (F33, F46)."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from jinja2 import UndefinedError

from shared import errors
from shared.browser import Browser
from shared.page_texts import TEXTS
from shared.pages import Pages
from shared.vietnam import day, moment
from tests.shared.asking import asking
from tests.shared.credentials import ORIGIN, make_settings
from tests.shared.paged import OURS, csrf_of, make_app, opened

SECRET = "032099000123"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return make_app(tmp_path)


async def test_a_page_is_vietnamese_and_under_a_policy_without_exceptions(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.get("/consent/ask")
    assert '<html lang="vi">' in page.text
    assert page.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' https://city.example; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    assert page.headers["referrer-policy"] == "same-origin"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert not re.search(r"(src|href)=.(https?:)?//", page.text)


async def test_values_are_escaped_and_a_forgotten_one_is_a_bug(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.get("/consent/ask", params={"name": "<b>An</b>"})
        forgotten = await client.get("/consent/forgotten")
    assert "&lt;b&gt;An&lt;/b&gt;" in page.text
    assert forgotten.status_code == 500


def test_a_page_leads_to_origins_only_and_to_secure_ones(tmp_path: Path) -> None:
    pages = Pages(make_settings(tmp_path))
    request = opened(tmp_path)
    values: dict[str, object] = {"address": "/", "fields": {}}
    assert pages.render(request, "hand_over.html", values, form_action=["https://city.example"])
    for address in ("http://city.example", "https://city.example/path", "https://city.example; script-src *"):
        with pytest.raises(ValueError, match=r"plain|origin|absolute"):
            pages.render(request, "hand_over.html", values, form_action=[address])


async def test_static_files_are_ours_are_kept_and_nothing_else_is_served(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.get("/consent/ask")
        addresses = re.findall(r'href="(/consent/static/[^"]+)"', page.text)
        assert len(addresses) == 2
        for address in addresses:
            file = await client.get(address)
            assert file.status_code == 200
            assert "immutable" in file.headers["cache-control"]
            assert file.headers["x-content-type-options"] == "nosniff"
            of_another_release = await client.get(address.partition("?")[0], params={"v": "0123456789abcdef"})
            assert (of_another_release.status_code, of_another_release.headers["cache-control"]) == (200, "no-store")
        for name in ("base.html", "..%2F..%2Fsettings.py", "nothing.css"):
            assert (await client.get(f"/consent/static/{name}")).status_code == 404


async def test_a_problem_of_a_page_is_a_page_that_says_what_to_do(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.get("/consent/lapsed")
    assert page.status_code == 409
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Hết hạn" in page.text
    assert "Hãy bắt đầu lại." in page.text
    assert '<a class="button" href="/consent/ask">Bắt đầu lại</a>' in page.text
    assert "integrators" not in page.text


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/consent/missing", 404, "Không tìm thấy"),
        ("/consent/bug", 500, "Hệ thống gặp lỗi"),
        ("/nowhere", 404, "Không tìm thấy"),
    ],
)
async def test_a_person_who_opens_a_wrong_address_or_meets_a_bug_gets_a_page(
    app: FastAPI, path: str, status: int, sentence: str
) -> None:
    async with asking(app, headers={"accept": "text/html,*/*"}) as client:
        page = await client.get(path)
    assert page.status_code == status
    assert sentence in page.text
    assert "Mã tra cứu" in page.text
    assert "somebody" not in page.text


async def test_a_program_that_asks_a_wrong_address_gets_json(app: FastAPI) -> None:
    async with asking(app) as client:
        assert (await client.get("/nowhere")).headers["content-type"] == "application/problem+json"


async def test_what_was_filled_in_wrongly_is_not_repeated(app: FastAPI) -> None:
    async with asking(app) as client:
        token = csrf_of(await client.get("/consent/ask"))
        page = await client.post("/consent/ask", data={"csrf": token, "days": SECRET + "x"}, headers=OURS)
    assert page.status_code == 422
    assert "Nội dung gửi lên chưa đúng" in page.text
    assert SECRET not in page.text


async def test_the_browsers_cookie_is_set_once_and_never_overwritten(app: FastAPI) -> None:
    async with asking(app) as client:
        first = await client.get("/consent/ask")
        second = await client.get("/consent/ask")
    cookie = first.headers["set-cookie"]
    assert re.fullmatch(r"motlan=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax", cookie)
    assert "set-cookie" not in second.headers
    assert csrf_of(first) == csrf_of(second)


async def test_what_another_site_sends_is_given_no_cookie_in_place_of_hers(app: FastAPI) -> None:
    """Her browser leaves hers out of it (SameSite), and would take one that came back with the refusal."""
    async with asking(app) as client:
        refused = await client.post("/consent/ask", data={"csrf": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers


async def test_over_tls_the_cookie_is_this_hosts_alone(tmp_path: Path) -> None:
    async with asking(make_app(tmp_path, public_origin="https://motlan.example")) as client:
        cookie = (await client.get("/consent/ask")).headers["set-cookie"]
    assert re.fullmatch(r"__Host-motlan=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Secure", cookie)


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "x" * 42 + "!"])
async def test_a_cookie_that_is_none_of_ours_is_replaced(app: FastAPI, value: str) -> None:
    async with asking(app, cookies={"motlan": value}) as client:
        assert "set-cookie" in (await client.get("/consent/ask")).headers


@pytest.mark.parametrize("charset", ["utf-8", "punycode", "unicode_escape"])
async def test_a_form_in_parts_is_refused_unread(app: FastAPI, charset: str) -> None:
    """Its parser would decode each part by the codec that the sender names: for punycode, a second of every loop."""
    kind = f"Multipart/Form-Data; boundary=x; charset={charset}"
    body = (
        b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + rb"\ud800-" + b"b" * 50_000 + b"\r\n--x--\r\n"
    )
    async with asking(app) as client:
        answer = await client.post("/consent/ask", content=body, headers=OURS | {"content-type": kind})
    assert (answer.status_code, answer.headers["connection"]) == (415, "close")


async def test_a_form_of_ours_is_taken_and_two_tabs_both_work(app: FastAPI) -> None:
    async with asking(app) as client:
        tabs = [csrf_of(await client.get("/consent/ask")) for _ in range(2)]
        answers = [await client.post("/consent/ask", data={"csrf": token}, headers=OURS) for token in tabs]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert re.fullmatch(r"[0-9a-f]{64}", answers[0].text)


async def test_an_old_browser_without_fetch_metadata_is_known_by_its_origin(app: FastAPI) -> None:
    async with asking(app) as client:
        token = csrf_of(await client.get("/consent/ask"))
        ours = await client.post("/consent/ask", data={"csrf": token}, headers={"origin": ORIGIN})
    assert ours.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": ORIGIN},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": f"{ORIGIN}.evil.example"},
    ],
    ids=str,
)
async def test_a_form_sent_from_elsewhere_is_refused_even_with_the_right_token(
    app: FastAPI, headers: dict[str, str]
) -> None:
    async with asking(app) as client:
        token = csrf_of(await client.get("/consent/ask"))
        page = await client.post("/consent/ask", data={"csrf": token}, headers=headers)
    assert page.status_code == 403
    assert "Trang đã cũ" in page.text


async def test_a_form_without_this_browsers_token_is_refused(app: FastAPI) -> None:
    async with asking(app) as client, asking(app) as other:
        await client.get("/consent/ask")
        foreign = csrf_of(await other.get("/consent/ask"))
        for data in ({}, {"csrf": ""}, {"csrf": foreign}, {"csrf": "é"}):
            assert (await client.post("/consent/ask", data=data, headers=OURS)).status_code == 403


async def test_one_forms_token_does_not_open_another() -> None:
    browser = Browser("s" * 43)
    assert browser.csrf("answer") != browser.csrf("withdraw")
    assert "s" * 43 not in repr(browser)


async def test_a_hand_over_carries_its_ticket_in_a_form_and_never_in_the_address(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.get("/consent/onward")
        script = re.search(r'<script src="([^"]+)" defer', page.text)
        assert script
        assert (await client.get(script[1])).status_code == 200
    assert '<form method="post" action="/consent/requests" id="hand-over">' in page.text
    assert 'name="ticket" value="&#34;&gt;&lt;script&gt;"' in page.text
    assert "<button" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


async def test_every_problem_has_a_text_and_every_kind_its_own() -> None:
    kinds = {each.code for each in errors.Problem.__subclasses__() if each.__module__ == "shared.errors"}
    assert kinds <= set(TEXTS)


def test_days_and_hours_are_vietnams() -> None:
    late = datetime(2025, 6, 30, 17, 5, tzinfo=UTC)
    assert day(late) == "01/07/2025"
    assert day(date(1961, 2, 3)) == "03/02/1961"
    assert moment(late) == "00:05 ngày 01/07/2025"
    assert (day(late, "en"), moment(late, "en")) == ("1 July 2025", "1 July 2025, 00:05")


def test_a_misspelt_value_is_an_error_and_no_empty_space(tmp_path: Path) -> None:
    pages = Pages(make_settings(tmp_path))
    with pytest.raises(UndefinedError):
        pages.render(opened(tmp_path), "problem.html")
