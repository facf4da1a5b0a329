"""The simulators misbehave only when told, always the same under the same seed, and only as far as was switched on."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators import hostile
from infra.simulators.app import make_simulators
from infra.simulators.faults import SHARES, Faults, Kind
from infra.simulators.hostile import Hostile, endpoint_of
from infra.simulators.keys import load_or_make
from infra.simulators.rewording import halved, reworded
from infra.simulators.settings import Settings
from tests.infra.befalling import Befalling, HostileTransport

ENDPOINTS = [*(name for name in SHARES if name != "registries"), "registries.population", "registries.business"]
ANSWER: dict[str, JsonValue] = {
    "outcome": "found",
    "as_of": "2026-11-24T09:00:00Z",
    "attributes": {"person.sex": "female", "person.nationality": ["VN"], "person.ethnicity": "Kinh"},
    "missing": [],
}


def draw(faults: Faults, endpoint: str, count: int) -> list[Kind | None]:
    return [faults.draw(endpoint)[0] for _ in range(count)]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_same_seed_deals_an_endpoint_the_same(endpoint: str) -> None:
    first, other = draw(Faults(42), endpoint, 200), draw(Faults(43), endpoint, 200)
    assert draw(Faults(42), endpoint, 200) == first
    assert other != first


def test_what_one_endpoint_is_dealt_does_not_depend_on_when_others_are_asked() -> None:
    alone, among = Faults(42), Faults(42)
    expected = draw(alone, "vneid.token", 100)
    met: list[Kind | None] = []
    for _ in range(100):
        among.draw("registries.population")
        met += draw(among, "vneid.token", 1)
    assert met == expected


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_each_kind_befalls_its_share(endpoint: str) -> None:
    told = Counter(draw(Faults(7), endpoint, 4_000))
    shares = SHARES.get(endpoint) or SHARES["registries"]
    for kind, share in shares.items():
        assert told[kind] / 4_000 == pytest.approx(share, abs=0.02), kind
    assert set(told) == {*shares, None}


def test_a_kind_that_is_switched_off_leaves_the_others_where_they_were() -> None:
    whole = draw(Faults(42), "registries.population", 300)
    some = draw(Faults(42, {Kind.RESET, Kind.HALF}), "registries.population", 300)
    assert some == [kind if kind in (Kind.RESET, Kind.HALF) else None for kind in whole]


def test_what_was_dealt_is_told() -> None:
    faults = Faults(42)
    kinds = draw(faults, "vneid.jwks", 50)
    assert [(each.number, each.kind) for each in faults.dealt] == [
        (number, kind) for number, kind in enumerate(kinds, 1) if kind
    ]


# --- on the wire


def make_hostile(kind: Kind | None, seed: int = 1) -> tuple[httpx2.AsyncClient, list[str], list[bool]]:
    """Return a client of a register that always misbehaves in one way; who was really asked; how keys were rotated."""
    asked: list[str] = []
    rotated: list[bool] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        return JSONResponse(ANSWER)

    calm = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    fates = {name: [kind] if kind else [] for name in ("registries.population", "vneid.token")}
    transport = HostileTransport(calm, Befalling(fates, seed), rotated)
    return httpx2.AsyncClient(transport=transport, base_url="http://simulators"), asked, rotated


QUERY = "/registries/population/queries"


@pytest.mark.parametrize("kind", [None, Kind.SLOW, Kind.REWORDED])
async def test_what_does_not_disturb_says_the_same(kind: Kind | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "SLOW_SECONDS", 0.001)
    for seed in range(20):
        http, asked, _ = make_hostile(kind, seed)
        told: dict[str, Any] = (await http.post(QUERY)).json()
        assert {name: told[name] for name in ANSWER} == ANSWER
        assert asked == [QUERY]


@pytest.mark.parametrize("kind", [Kind.LATE, Kind.ERROR, Kind.RESET, Kind.CUT, Kind.GARBLED, Kind.WRONG_TYPE])
async def test_what_fails_was_never_asked(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "LATE_SECONDS", 0.001)
    for seed in range(20):
        http, asked, _ = make_hostile(kind, seed)
        try:
            answer = await http.post(QUERY)
        except (httpx2.ReadError, httpx2.DecodingError):
            assert asked == []
            continue
        assert asked == []
        assert answer.status_code >= 429 or not answer.text.startswith('{"outcome": "found", "as_of": "2')


async def test_half_an_answer_is_silent_about_the_rest() -> None:
    http, _, _ = make_hostile(Kind.HALF)
    told: dict[str, Any] = (await http.post(QUERY)).json()
    assert 1 <= len(told["attributes"]) < 3
    assert told["missing"] == []


@pytest.mark.parametrize(("kind", "keeps"), [(Kind.ROTATED, True), (Kind.WITHDRAWN, False)])
async def test_keys_are_rotated_by_the_token_endpoint(kind: Kind, keeps: bool) -> None:
    http, asked, rotated = make_hostile(kind)
    assert (await http.post("/vneid/token")).json() == ANSWER
    assert (asked, rotated) == (["/vneid/token"], [keeps])


@pytest.mark.parametrize("path", ["/city/", "/registries/journal", "/registries/switches", "/vneid/", "/faults"])
async def test_what_is_no_source_is_never_disturbed(path: str) -> None:
    http, asked, _ = make_hostile(Kind.ERROR)
    assert (await http.get(path)).status_code == 200
    assert endpoint_of(path) is None
    assert asked == [path]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=9), VALUES, max_size=4), st.integers())
def test_reworded_json_says_the_same_and_maybe_more(told: dict[str, JsonValue], seed: int) -> None:
    again = json.loads(reworded(json.dumps(told).encode(), Random(seed)))  # noqa: S311 - to be repeated
    assert {name: value for name, value in again.items() if name in told} == told


@given(st.dictionaries(st.text(min_size=1), st.integers(), min_size=2), st.integers())
def test_half_an_answer_is_a_part_of_the_whole(attributes: dict[str, int], seed: int) -> None:
    told = json.loads(halved(json.dumps({**ANSWER, "attributes": attributes}).encode(), Random(seed)))  # noqa: S311 - to be repeated
    assert 0 < len(told["attributes"]) < len(attributes)
    assert told["attributes"].items() <= attributes.items()


# --- how it is switched on


def make_settings(tmp_path: Path) -> Settings:
    load_or_make(tmp_path / "vneid-client.pem")
    return Settings(keys_dir=tmp_path)


def test_without_a_seed_nothing_ever_happens(tmp_path: Path) -> None:
    assert isinstance(make_simulators(make_settings(tmp_path)), Starlette)


@pytest.mark.parametrize(
    ("told", "kinds"), [("", Kind), ("slow", [Kind.SLOW]), ("reset,wrong-type", [Kind.RESET, Kind.WRONG_TYPE])]
)
def test_a_seed_and_kinds_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, kinds: Sequence[Kind]
) -> None:
    monkeypatch.setenv("FAULTS", "42")
    monkeypatch.setenv("FAULTS_KINDS", told)
    read = make_settings(tmp_path)
    assert (read.faults, read.faults_kinds) == (42, frozenset(kinds))
    assert isinstance(make_simulators(read), Hostile)


def test_a_kind_nobody_knows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTS_KINDS", "slow,fats")
    with pytest.raises(ValidationError):
        make_settings(tmp_path)
