"""Every refusal is a problem (RFC 9457) that repeats nothing of what was sent (I6, I11)."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI

from shared import guards, http
from shared.http import Caller
from shared.service import Service
from tests.shared.asking import asking, members
from tests.shared.credentials import make_settings
from tests.shared.things import GOOD, SECRET, Told, router


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    settings = make_settings(tmp_path)
    return Service("consent", http.make_app(settings, [router], "Consent"), settings).app


async def test_a_strict_body_takes_json_as_json_writes_it(app: FastAPI) -> None:
    async with asking(app) as client:
        answer = await client.post("/consent/things", json=GOOD)
    assert answer.status_code == 200
    assert answer.json() == {"request_id": GOOD["request_id"], "at": "2026-03-02T03:04:05Z", "people": 1}


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"days": False}, "/days", "int_type"),
    ({"days": "3"}, "/days", "int_type"),
    ({"days": 3.5}, "/days", "int_type"),
    ({"request_id": SECRET}, "/request_id", "uuid_parsing"),
    ({"at": SECRET}, "/at", "string_type"),
    ({"at": 1772420645}, "/at", "string_type"),
    ({"at": "yesterday"}, "/at", "datetime_from_date_parsing"),
    ({"state": SECRET}, "/state", "literal_error"),
    ({"people": [{"full_name": "An"}, {"full_name": SECRET}]}, "/people/1/full_name", "string_too_long"),
    ({"people": [{}]}, "/people/0/full_name", "missing"),
    ({SECRET: 1}, "/*", "extra_forbidden"),
    ({"dais": 1}, "/dais", "extra_forbidden"),
    ({"people": [{"full_name": "An", SECRET: SECRET}]}, "/people/0/*", "extra_forbidden"),
    ({"named": {SECRET: "x"}}, "/named/*", "int_type"),
    ({"people": [{"full_name": "A\0n"}]}, "/people/0/full_name", "nul_character"),
    ({"named": {"a\0": 1}}, "/named/*/*", "nul_character"),
    ({"at": "0001-01-01T00:00:00+14:00"}, "/at", "datetime_out_of_range"),
    ({"at": "9999-12-31T23:59:59-14:00"}, "/at", "datetime_out_of_range"),
]


@pytest.mark.parametrize(
    ("changes", "pointer", "reason"),
    WRONG,
    ids=str,
)
async def test_a_wrong_member_is_pointed_at_and_never_repeated(
    app: FastAPI, changes: dict[str, object], pointer: str, reason: str
) -> None:
    async with asking(app) as client:
        answer = await client.post("/consent/things", json=GOOD | changes)
    assert answer.status_code == 422
    told = members(answer)
    assert told["code"] == "invalid_request"
    assert (told["fault"], told["retryable"]) == ("client", False)
    assert told["errors"] == [{"in": "body", "pointer": pointer, "reason": reason}]
    assert SECRET not in answer.text


@pytest.mark.parametrize("text", ["\ud800", ["\udfff"], {"a": {"\ud800": 1}}, {"people": "A\0n"}])
async def test_half_a_character_is_no_text_however_deep_it_lies(app: FastAPI, text: object) -> None:
    whole = GOOD | {"free": {"a": ["b", 1, None, True, 1.5]}}
    async with asking(app, headers={"content-type": "application/json"}) as client:
        assert (await client.post("/consent/things", content=json.dumps(whole))).status_code == 200
        broken = await client.post("/consent/things", content=json.dumps(GOOD | {"free": text}))
    assert (broken.status_code, members(broken)["code"]) == (422, "invalid_request")


async def test_a_wrong_parameter_is_named(app: FastAPI) -> None:
    async with asking(app) as client:
        query = members(await client.get("/consent/refusals/missing", params={"days": "0"}))
        path = members(await client.get(f"/consent/refusals/{SECRET}"))
    assert query["errors"] == [{"in": "query", "pointer": "days", "reason": "greater_than_equal"}]
    assert path["errors"] == [{"in": "path", "pointer": "which", "reason": "literal_error"}]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"",
        b'{"a":1}trailing',
        b"[" * 60_000,
        b'{"free":' + b"[" * 32 + b"]" * 32 + b"}",
        b'{"days":1,"days":2}',
        b'{"days":NaN}',
        b'{"days":-Infinity}',
        b'{"days":1e400}',
        b'{"days":9007199254740993}',
        b'{"days":' + b"9" * 5000 + b"}",
        '{"days":1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"days":1}',
    ],
    ids=[
        "open",
        "not utf-8",
        "empty",
        "trailing",
        "deep",
        "33 levels",
        "doubled",
        "nan",
        "infinity",
        "overflow",
        "inexact",
        "long number",
        "utf-16",
        "byte order mark",
    ],
)
async def test_what_is_no_json_is_malformed(app: FastAPI, body: bytes) -> None:
    async with asking(app) as client:
        answer = await client.post("/consent/things", content=body, headers={"content-type": "application/json"})
    expected = (422, "invalid_request") if body == b"" else (400, "malformed_json")
    assert (answer.status_code, members(answer)["code"]) == expected


async def test_a_body_of_another_type_is_not_guessed_at(app: FastAPI) -> None:
    async with asking(app) as client:
        answer = await client.post("/consent/things", content=json.dumps(GOOD), headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert members(answer)["code"] == "unsupported_media_type"


async def test_a_body_over_the_limit_is_refused_with_and_without_a_length(app: FastAPI) -> None:
    big = json.dumps(GOOD | {"padding": "x" * http.MAX_BODY}).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(big), 1000):
            yield big[at : at + 1000]

    async with asking(app, headers={"content-type": "application/json"}) as client:
        for body in (big, chunks()):
            answer = await client.post("/consent/things", content=body)
            assert answer.status_code == 413
            assert members(answer)["code"] == "body_too_large"


async def test_a_body_that_no_route_reads_is_refused_too(app: FastAPI) -> None:
    async with asking(app) as client:
        answer = await client.post("/nowhere", content=b"x" * (http.MAX_BODY + 1))
    assert answer.status_code == 413
    assert members(answer)["code"] == "body_too_large"


async def test_a_body_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    app = http.make_app(make_settings(tmp_path), [router], "Consent", body_seconds=0.05)

    async def trickle() -> AsyncIterator[bytes]:
        yield b'{"days":'
        await asyncio.Event().wait()

    async with asking(app, headers={"content-type": "application/json"}) as client:
        answer = await asyncio.wait_for(client.post("/consent/things", content=trickle()), 5)
    assert (answer.status_code, members(answer)["code"], members(answer)["retryable"]) == (408, "request_timeout", True)
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "headers", [{f"x-{n}": "1" for n in range(101)}, {"x-long": "x" * 33_000}], ids=["many", "long"]
)
async def test_a_header_bomb_is_refused(app: FastAPI, headers: dict[str, str]) -> None:
    async with asking(app) as client:
        answer = await client.get("/consent/refusals/missing", headers=headers)
    assert (answer.status_code, members(answer)["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(("query", "reason"), [("dais=1", "extra_forbidden"), ("days=1&days=2", "doubled")])
async def test_a_parameter_nobody_asked_for_or_one_twice_is_refused(app: FastAPI, query: str, reason: str) -> None:
    async with asking(app) as client:
        answer = await client.get(f"/consent/refusals/missing?{query}")
    assert answer.status_code == 422
    assert members(answer)["errors"] == [{"in": "query", "pointer": "", "reason": reason}]


@pytest.mark.parametrize("length", ["-1", "1e9", "9" * 30])
async def test_a_nonsensical_length_is_refused(app: FastAPI, length: str) -> None:
    async with asking(app) as client:
        answer = await client.get("/consent/refusals/missing", headers={"content-length": length})
    assert answer.status_code == 413


async def test_a_form_with_too_many_fields_is_malformed(app: FastAPI) -> None:
    async with asking(app) as client:
        answer = await client.post("/consent/forms", data={f"f{n}": "x" for n in range(300)})
    assert answer.status_code == 400
    assert members(answer)["code"] == "malformed_form"


async def test_an_unknown_route_and_a_wrong_method_are_problems(app: FastAPI) -> None:
    async with asking(app) as client:
        missing = await client.get("/consent/nothing")
        wrong = await client.delete("/consent/things")
    assert (missing.status_code, members(missing)["code"]) == (404, "not_found")
    assert (wrong.status_code, members(wrong)["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


async def test_a_stranger_cannot_tell_a_foreign_thing_from_a_missing_one_or_a_missing_route(app: FastAPI) -> None:
    async with asking(app) as client:
        missing = members(await client.get("/consent/refusals/missing"))
        foreign = members(await client.get("/consent/refusals/foreign"))
        nowhere = members(await client.get("/consent/nothing"))
    assert missing == foreign == nowhere


async def test_a_problem_says_whose_fault_it_is_and_when_to_try_again_i11(app: FastAPI) -> None:
    async with asking(app) as client:
        conflict = await client.get("/consent/refusals/conflict")
        source = await client.get("/consent/refusals/source")
    assert conflict.status_code == 409
    assert members(conflict) == {
        "type": "urn:motlan:problem:grant_withdrawn",
        "title": "Grant withdrawn",
        "status": 409,
        "detail": "the grant was withdrawn",
        "code": "grant_withdrawn",
        "fault": "citizen",
        "retryable": False,
    }
    assert source.status_code == 503
    assert source.headers["retry-after"] == "1"
    told = members(source)
    assert (told["fault"], told["retryable"], told["retry_at"]) == ("source", True, "2026-03-02T03:04:05Z")


async def test_a_trailing_slash_is_no_redirect_to_whatever_host_was_named(app: FastAPI) -> None:
    async with asking(app) as client:
        answer = await client.post("/consent/things/", json=GOOD, headers={"host": "evil.example"})
    assert answer.status_code == 404


async def test_no_scripts_from_elsewhere_no_docs(app: FastAPI) -> None:
    async with asking(app) as client:
        assert (await client.get("/docs")).status_code == 404
        assert (await client.get("/redoc")).status_code == 404
        document = (await client.get("/consent/openapi.json")).json()
    things = document["paths"]["/consent/things"]["post"]
    assert things["operationId"] == "post_thing"
    assert "application/problem+json" in things["responses"]["default"]["content"]
    assert "422" not in things["responses"]


def test_an_application_with_a_route_for_nobody_in_particular_does_not_start(tmp_path: Path) -> None:
    forgotten = APIRouter()

    @forgotten.get("/consent/grants")
    async def list_grants() -> Told:
        raise AssertionError

    with pytest.raises(guards.Unguarded, match="list_grants /consent/grants"):
        http.make_app(make_settings(tmp_path), [forgotten], "Consent")


def test_a_route_with_a_caller_is_guarded_and_the_public_ones_can_be_listed(tmp_path: Path) -> None:
    guarded = APIRouter()

    @guarded.get("/consent/grants")
    async def list_grants(caller: Caller) -> Told:
        raise AssertionError(caller)

    app = http.make_app(make_settings(tmp_path), [guarded, router], "Consent")
    assert guards.public_routes(app) == {
        ("POST", "/consent/things"),
        ("POST", "/consent/forms"),
        ("GET", "/consent/refusals/{which}"),
    }
