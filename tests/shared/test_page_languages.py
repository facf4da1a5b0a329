"""Pages in two languages: the switch, what remembers it, and what it may not repeat."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
from fastapi import FastAPI

from shared.pages import Pages
from tests.shared.asking import asking
from tests.shared.credentials import ORIGIN, make_settings
from tests.shared.english import vietnamese_in
from tests.shared.paged import make_app, opened

SECRET = "032099000123"


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return make_app(tmp_path)


def switch_of(page: httpx2.Response) -> str:
    """Return the link in the header that leads to the other language."""
    found = re.search(r'<a class="way" lang="(vi|en)" hreflang="\1" href="([^"]+)">(Tiếng Việt|English)</a>', page.text)
    assert found, page.text
    assert (found[1], found[3]) == (("vi", "Tiếng Việt") if '<html lang="en">' in page.text else ("en", "English"))
    return urljoin(str(page.url), unescape(found[2]))


async def test_a_page_leads_to_itself_in_english_and_back_and_the_browser_keeps_it(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.get("/consent/ask", params={"name": "Bình & An"})
        in_english = await client.get(switch_of(page))
        kept = await client.get("/consent/ask")
        back = await client.get(switch_of(in_english))
        after = await client.get("/consent/ask")
    assert [each.headers["content-language"] for each in (page, in_english, kept, back, after)] == [
        *("vi", "en", "en", "vi", "vi")
    ]
    assert "<title>Question – Một Lần</title>" in in_english.text
    assert "Bình &amp; An" in in_english.text
    assert "Skip to main content" in kept.text
    assert dict(back.url.params) == {"name": "Bình & An", "lang": "vi"}
    assert "set-cookie" not in kept.headers


async def test_the_language_cookie_holds_the_language_and_is_this_hosts_alone(tmp_path: Path) -> None:
    app = make_app(tmp_path, public_origin="https://motlan.example")
    async with asking(app) as client:
        page = await client.get("/consent/ask?lang=en")
        cookie = next(each for each in page.headers.get_list("set-cookie") if "lang" in each)
        again = await client.get("/consent/ask?lang=en", headers={"cookie": "__Host-motlan-lang=en"})
        default = await client.get("/consent/ask?lang=vi")
    assert cookie == "__Host-motlan-lang=en; Path=/; HttpOnly; SameSite=Lax; Secure"
    for page in (again, default):
        assert "lang" not in page.headers.get("set-cookie", "")


@pytest.mark.parametrize("value", ["", "fr", "EN", "en-GB", '"><script>'])
async def test_any_other_language_is_vietnamese(app: FastAPI, value: str) -> None:
    async with asking(app, cookies={"motlan-lang": value}) as client:
        page = await client.get("/consent/ask", params={"lang": value})
    assert '<html lang="vi">' in page.text
    assert "lang" not in page.headers.get("set-cookie", "")


async def test_the_switch_leads_to_no_other_host_whatever_the_address(app: FastAPI) -> None:
    async with asking(app, headers={"accept": "text/html"}) as client:
        for path in ("//evil.example/x", "/%2F%2Fevil.example", "/consent/ask?lang=https://evil.example&a=%22%3E"):
            page = await client.get(f"{ORIGIN}{path}")
            assert re.search(r'hreflang="en" href="(/consent/[a-z_/0-9]+)?\?[^":/]*"', page.text), page.text


async def test_a_page_about_a_problem_tells_nothing_of_what_was_asked_for(app: FastAPI) -> None:
    async with asking(app, headers={"accept": "text/html"}) as client:
        page = await client.get("/consent/nothing", params={"said": "these-words"})
        again = await client.get(f"{switch_of(page)}&said=these-words")
    assert (page.status_code, again.status_code) == (404, 200)
    assert "these-words" not in page.text + again.text


async def test_a_page_that_answers_a_form_is_found_again_by_the_switch(app: FastAPI, tmp_path: Path) -> None:
    async with asking(app) as client:
        page = await client.post("/consent/again")
        in_english = await client.get(switch_of(page))
    assert in_english.url.path == "/consent/ask"
    assert '<html lang="en">' in in_english.text
    with pytest.raises(ValueError, match=r"ask\.html"):
        Pages(make_settings(tmp_path)).render(opened(tmp_path, "POST"), "ask.html")


async def test_a_refused_form_is_told_again_in_english_and_nothing_is_done(app: FastAPI) -> None:
    async with asking(app) as client:
        page = await client.post("/consent/ask")
        in_english = await client.get(switch_of(page))
        back = await client.get(switch_of(in_english))
        for path in ("/consent/problems/nothing/" + "0" * 32, "/consent/problems/foreign_form/x"):
            assert (await client.get(path)).status_code in (404, 422)
    assert "Trang đã cũ" in page.text
    assert "This page is too old" in in_english.text
    assert "Trang đã cũ" in back.text
    code = re.search(r"<code>([0-9a-f]{32})</code>", page.text)
    assert code
    assert code[0] in in_english.text
    assert code[0] in back.text


async def test_a_problem_is_wholly_english_on_an_english_page(app: FastAPI) -> None:
    async with asking(app, headers={"accept": "text/html"}, cookies={"motlan-lang": "en"}) as client:
        page = await client.get("/consent/lapsed")
        missing = await client.get("/nowhere")
    assert "Too late" in page.text
    assert "Begin again" in page.text
    for each in (page, missing):
        assert vietnamese_in(each.text) == []
