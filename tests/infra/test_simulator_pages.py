"""The simulators' pages have both languages: wholly, with a way from each page to itself in the other one."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient

from infra.client.releases import Release
from infra.embedded.keyring import Keyring
from infra.simulators.city_system.app import make_city_system
from infra.simulators.city_system.desk import Result
from infra.simulators.city_system.offers import OFFERS
from infra.simulators.city_system.words import outcome, received, refusal
from infra.simulators.pages import render
from infra.simulators.personas import load_personas
from tests.infra.relying_party import RelyingParty
from tests.shared.english import vietnamese_in


def switch_of(html: str, url: str) -> str:
    """Return where the link to the other language leads."""
    found = re.search(r'<a lang="(en|vi)" hreflang="\1" href="([^"]+)">(English|Tiếng Việt)</a>', html)
    assert found, html
    return urljoin(url, unescape(found[2]))


@pytest.mark.parametrize("person", ["mother", "refuser", "gives_up", "revoked"])
async def test_vneid_speaks_as_it_is_asked_to_and_the_telephone_follows_its_switch(person: str) -> None:
    party = RelyingParty()
    first = await party.http.get(party.authorize_url(ui_locales="en-GB vi"))
    login = re.search(r'name="login" value="([^"]+)"', first.text)
    assert login
    form = {"login": login[1], "person": person}
    telephone = await party.http.post("/vneid/person", data=form)
    for page in (first, telephone):
        assert '<html lang="en">' in page.text
        assert page.headers["content-language"] == "en"
        assert vietnamese_in(page.text) == []
    back = await party.http.get(switch_of(telephone.text, str(telephone.url)))
    assert "Xác nhận chia sẻ thông tin" in back.text
    again = await party.http.post("/vneid/answer", data=form | {"answer": "approve"})
    assert again.status_code == (400 if person == "gives_up" else 303)


async def test_vneids_switch_on_its_first_page_is_the_same_login() -> None:
    party = RelyingParty()
    first = await party.http.get(party.authorize_url(ui_locales="vi"))
    english = await party.http.get(switch_of(first.text, str(first.url)))
    assert "Who holds the telephone?" in english.text
    login = re.search(r'name="login" value="[^"]+"', first.text)
    assert login
    assert login[0] in english.text


async def test_another_browser_does_not_see_the_telephone() -> None:
    party = RelyingParty()
    page = await party.browser.open(party.authorize_url())
    login = page.forms[0].fields["login"]
    stranger = await party.http.get(f"/vneid/logins/{login}")
    assert stranger.status_code == 400
    assert "không còn hiệu lực" in stranger.text


async def test_what_vneid_says_no_with_is_english_too() -> None:
    party = RelyingParty()
    for path in ("/vneid/?lang=en", "/vneid/nowhere", "/vneid/authorize?client_id=nobody", "/vneid/logout"):
        page = await party.http.get(path)
        assert '<html lang="en">' in page.text
        assert vietnamese_in(page.text) == []


@contextmanager
def city(folder: Path) -> Generator[TestClient]:
    """Open the city system, whose gateway is nowhere."""
    for offer in OFFERS.values():
        Keyring(folder).p256(f"client-{offer.client_id}")
    system = make_city_system("http://city.invalid", "http://127.0.0.1:9", folder, lambda: datetime.now(UTC))
    app = Starlette(routes=[Mount("/city", system)])
    with TestClient(app, "http://city.invalid", follow_redirects=True) as client:
        yield client


def test_the_city_system_is_english_from_its_first_page(tmp_path: Path) -> None:
    with city(tmp_path) as client:
        first = client.get("/city/")
        english = client.get(switch_of(first.text, str(first.url)))
        assert "Apply online" in english.text
        failed = client.post("/city/login", data={"offer": "birth"})
        assert failed.status_code == 502
        none = client.post("/city/login", data={"offer": "?"})
        elsewhere, nowhere = client.get("/city/callback?state=x"), client.get("/city/nowhere")
        for page in (english, failed, none, elsewhere, nowhere):
            assert vietnamese_in(page.text) == []
        back = client.get(switch_of(failed.text, str(failed.url)))
        assert "Nộp hồ sơ trực tuyến" in back.text


def test_what_the_city_system_got_is_english_but_for_what_it_got() -> None:
    verification: JsonValue = {"evidence": [{"record": {"type": "person.full_name", "source": {"name": "population"}}}]}
    release = Release(
        "", {"verified_claims": [{"claims": {"name": "Trần Thị Kim Liên"}, "verification": verification}]}
    )
    component: dict[str, Any] = {"document": {"vi": "Giấy", "en": "Paper"}, "outcome": "not_available", "reason": None}
    plan: dict[str, Any] = {"components": [component]}
    scope: dict[str, Any] = {"type": "http", "method": "GET", "headers": [], "query_string": b"lang=en"}
    page = render(
        Request(scope),
        "city/result.html",
        result=Result(OFFERS["birth"], plan, release, "access_denied refused"),
        refusal=refusal("access_denied refused"),
        outcome=outcome,
        received=received(release),
        her_page="/",
    )
    html = bytes(page.body).decode()
    assert '<span lang="vi">Trần Thị Kim Liên</span>' in html
    for words in ("Not in the database", "National population database", "The login was refused", "Registration of a"):
        assert words in html
    assert vietnamese_in(html) == []


def test_every_person_is_described_in_both_languages() -> None:
    for persona in load_personas().values():
        assert persona.label.vi != persona.label.en
