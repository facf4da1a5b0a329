"""The language a city system wants for its citizen (`ui_locales`) is our pages' and VNeID's, until she chooses."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.services.identity.city import City
from tests.services.identity.conftest import World
from tests.services.identity.vneid import make_person

pytestmark = pytest.mark.stack


async def begun(world: World, http: httpx2.AsyncClient, city: City, **changes: Any) -> tuple[str, str]:
    """Begin a login; return which language VNeID is asked for, and the cookie that is set."""
    answer = await http.get(await city.authorize_url(http, city.login(world.dossier()), **changes))
    asked = parse_qs(urlsplit(answer.headers["location"]).query)["ui_locales"]
    cookie = next((each for each in answer.headers.get_list("set-cookie") if "lang" in each), "")
    return asked[0], cookie.partition(";")[0]


@pytest.mark.parametrize(
    ("wanted", "asked", "cookie"),
    [("en", "en", "motlan-lang=en"), ("fr en-GB vi", "en", "motlan-lang=en"), ("vi", "vi", ""), ("fr", "vi", "")],
)
async def test_what_a_city_system_wants_is_what_vneid_is_asked_and_the_browser_keeps(
    world: World, wanted: str, asked: str, cookie: str
) -> None:
    async with world.http() as http:
        assert await begun(world, http, world.city(), ui_locales=wanted) == (asked, cookie)


async def test_where_a_city_system_says_nothing_her_own_choice_stays(world: World) -> None:
    async with world.http() as http:
        http.cookies.set("motlan-lang", "en", domain="localhost.local")
        assert await begun(world, http, world.city()) == ("en", "")


async def test_what_a_city_system_wants_now_counts_for_more_than_what_was_kept(world: World) -> None:
    async with world.http() as http:
        http.cookies.set("motlan-lang", "en", domain="localhost.local")
        assert await begun(world, http, world.city(), ui_locales="vi") == ("vi", "motlan-lang=vi")


async def test_the_way_to_the_question_is_english_and_its_switch_loses_no_login(world: World) -> None:
    city, details = world.city(), world.city().login(world.dossier())
    async with world.http() as http:
        door = await world.to_vneid(http, city, details, ui_locales="en")
        page = await world.from_vneid(http, world.vneid.approve(door, make_person()))
        assert "If nothing happens by itself" in page.text
        again = await http.get(f"{page.url}&lang=vi")
    assert again.status_code == 200
    assert "Nếu trang không tự chuyển" in again.text
    assert 'name="ticket" value="ticket-' in again.text
    assert f"{page.url.query.decode()}&lang=en".replace("&", "&amp;") in again.text


async def test_the_metadata_name_both_languages(world: World) -> None:
    async with world.http() as http:
        told = (await http.get("/.well-known/oauth-authorization-server/identity")).json()
    assert told["ui_locales_supported"] == ["vi", "en"]
