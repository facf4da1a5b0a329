"""The middleware of every service: what is logged and answered when code breaks, and what every answer carries."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import Message, Scope

from shared import http
from shared.db import DatabaseUnavailable
from shared.service import Service
from tests.shared.asking import asking, members
from tests.shared.credentials import make_settings
from tests.shared.things import GOOD, SECRET, router


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    settings = make_settings(tmp_path)
    return Service("consent", http.make_app(settings, [router], "Consent"), settings).app


async def test_a_bug_is_a_bare_500_and_its_log_line_holds_no_values(
    app: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asking(app) as client:
        answer = await client.get("/consent/refusals/bug?days=19900101")
    assert answer.status_code == 500
    assert members(answer) == {
        "type": "urn:motlan:problem:internal_error",
        "title": "Internal error",
        "status": 500,
        "detail": "A bug of ours; it has been recorded under the trace id.",
        "code": "internal_error",
        "fault": "gateway",
        "retryable": False,
    }
    lines = capsys.readouterr().out
    logged = [json.loads(line) for line in lines.splitlines()]
    bug = next(line for line in logged if line["event"] == "unhandled_exception")
    assert bug["exception"] == "builtins.ValueError"
    assert any("things.py" in frame for frame in bug["frames"])
    assert bug["trace_id"] == answer.json()["trace_id"]
    assert SECRET not in lines
    assert "19900101" not in lines


async def test_an_outage_amid_an_answer_breaks_it_off_and_is_no_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, route = make_settings(tmp_path), APIRouter()

    async def pieces() -> AsyncIterator[str]:
        yield "first"
        raise DatabaseUnavailable

    @route.get("/long", response_class=StreamingResponse)
    @http.public
    async def long() -> StreamingResponse:
        return StreamingResponse(pieces())

    app = Service("consent", http.make_app(settings, [route], "Consent"), settings).app
    async with asking(app) as client:
        with pytest.raises(AssertionError):  # the test client's way to say that an answer has no end
            await client.get("/long")
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    broken = [line for line in logged if line["level"] != "info"]
    assert [(line["level"], line["event"], line["code"]) for line in broken] == [
        ("warning", "answer_broken_off", "database_unavailable")
    ]


async def test_a_request_that_is_cut_off_as_the_process_ends_is_told_to_come_again(tmp_path: Path) -> None:
    settings, route, begun = make_settings(tmp_path), APIRouter(), asyncio.Event()

    @route.get("/long")
    @http.public
    async def long() -> None:
        begun.set()
        await asyncio.Event().wait()

    app = Service("consent", http.make_app(settings, [route], "Consent"), settings).app
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        told.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": "/long", "headers": [], "query_string": b""}
    asked = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.wait_for(begun.wait(), timeout=5)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    start, body = told
    assert (start["status"], json.loads(body["body"])["code"]) == (503, "service_unavailable")


async def test_a_request_is_one_line_with_its_route_and_never_its_path(
    app: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    async with asking(app) as client:
        await client.get(f"/consent/refusals/missing?days=1&pin={SECRET}")
        await client.get(f"/consent/{SECRET}")
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["event"], first["route"], first["status"]) == ("request", "/consent/refusals/{which}", 422)
    assert first["service"] == "consent"
    assert first["duration_ms"] >= 0
    assert second["route"] == "(no route)"
    assert SECRET not in json.dumps([first, second])


async def test_every_answer_is_kept_by_nobody_and_framed_by_nobody(app: FastAPI) -> None:
    async with asking(app) as client:
        for answer in (await client.post("/consent/things", json=GOOD), await client.get("/nowhere")):
            assert answer.headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "strict-transport-security" not in answer.headers


async def test_over_tls_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, public_origin="https://motlan.example")
    app = Service("consent", http.make_app(settings, [router], "Consent"), settings).app
    async with asking(app) as client:
        answer = await client.get("/nowhere")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
