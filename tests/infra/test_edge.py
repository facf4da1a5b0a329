"""The one public port: routes by first segment, refuses what is nobody's, and passes on without mixing browsers up."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from infra.embedded.edge import LARGEST_BODY, edge, passing_client, proxy
from infra.embedded.gateway import edge_config, serving
from infra.embedded.processes import free_ports


async def tell(request: Request) -> Response:
    """Say what arrived, and set a cookie as a service does."""
    said = f"{request.method} {request.url.path}?{request.url.query} {request.cookies} {len(await request.body())}"
    answer = PlainTextResponse(said)
    answer.set_cookie("browser", request.query_params.get("who", ""))
    return answer


@asynccontextmanager
async def running(application: Any) -> AsyncGenerator[str]:
    """Serve an application on a port of its own."""
    port = free_ports(1)[0]
    async with serving(edge_config(application, port)):
        yield f"http://127.0.0.1:{port}"


SERVICE = Starlette(routes=[Route("/{path:path}", tell, methods=["GET", "POST"])])


def browser(application: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url="http://localhost:8080")


def proxied() -> Any:
    return proxy("http://127.0.0.1:8102", passing_client(httpx2.ASGITransport(SERVICE)))


@pytest.mark.parametrize(
    "path", ["/internal/clock", "/other/x", "/consent/../internal/x", "/.well-known/x", "//consent"]
)
async def test_what_is_no_services_does_not_exist(path: str) -> None:
    async with browser(edge({"consent": SERVICE})) as http:
        refused = await http.request("GET", httpx2.URL("http://localhost:8080", raw_path=path.encode()))
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert len(refused.json()["trace_id"]) == 32


@pytest.mark.parametrize("path", ["/consent/../internal/clock", "/consent/x/../../internal/clock", "/consent/.."])
async def test_no_way_round_through_a_service_leads_inside(path: str) -> None:
    """By hand: a client of ours would tidy the address up before it sent it."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list[tuple[bytes, bytes]](),
    }
    await edge({"consent": SERVICE})(scope, receive, send)
    assert sent[0]["status"] == 404


async def test_who_types_the_bare_address_is_led_to_what_is_hers() -> None:
    async with browser(edge({"consent": SERVICE})) as http:
        assert (await http.get("/")).headers["location"] == "/consent/me"


async def test_the_issuers_metadata_lie_where_rfc_8414_puts_them() -> None:
    async with browser(edge({"identity": SERVICE})) as http:
        answer = await http.get("/.well-known/oauth-authorization-server/identity")
    assert answer.status_code == 200


async def test_a_service_in_a_process_of_its_own_gets_the_request_as_it_came() -> None:
    async with browser(proxied()) as http:
        http.cookies.set("mine", "1")
        answer = await http.post("/consent/x%2Fy?who=a&n=1", content=b"12345")
    assert answer.text == "POST /consent/x/y?who=a&n=1 {'mine': '1'} 5"


async def test_the_cookies_of_one_browser_never_reach_the_service_as_anothers() -> None:
    application = proxied()
    async with browser(application) as hers, browser(application) as his:
        await hers.get("/consent/a?who=her")
        assert "{'browser': 'her'}" in (await hers.get("/consent/b")).text
        assert "{}" in (await his.get("/consent/c")).text


async def test_a_body_larger_than_anybody_accepts_is_not_passed_on() -> None:
    async with browser(proxied()) as http:
        refused = await http.post("/consent/x", content=b"x" * (LARGEST_BODY + 1))
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


async def test_a_service_that_does_not_answer_is_unavailable_for_now() -> None:
    async with browser(proxy("http://127.0.0.1:9", passing_client())) as http:
        refused = await http.get("/consent/x")
    assert (refused.status_code, refused.json()["retryable"]) == (503, True)


async def test_an_answer_passes_while_it_is_made_and_one_that_breaks_off_is_broken_off_for_the_caller() -> None:
    asked = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.wait_for(asked.wait(), 10)  # nobody would ask for more if the first had been held back
        raise ConnectionResetError

    async def serve(request: Request) -> Response:
        return StreamingResponse(pieces())

    app = Starlette(routes=[Route("/{path:path}", serve)])
    async with (
        running(app) as service,
        passing_client() as client,
        running(proxy(service, client)) as front,
        httpx2.AsyncClient(base_url=front) as http,
        http.stream("GET", "/audit/bundle") as answer,
    ):
        received = answer.aiter_raw()
        assert await anext(received) == b"first"
        asked.set()
        with pytest.raises(httpx2.RemoteProtocolError):
            await anext(received)


async def test_whoever_leaves_amid_an_answer_lets_its_maker_go() -> None:
    gone = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"more"
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    async def serve(request: Request) -> Response:
        return StreamingResponse(pieces())

    app = Starlette(routes=[Route("/{path:path}", serve)])
    async with running(app) as service, passing_client() as client, running(proxy(service, client)) as front:
        async with httpx2.AsyncClient(base_url=front) as http, http.stream("GET", "/audit/bundle") as answer:
            assert await anext(answer.aiter_raw())
        await asyncio.wait_for(gone.wait(), 10)


async def test_an_answer_of_known_length_that_breaks_off_is_unavailable_for_now() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        raise ConnectionResetError

    async def serve(request: Request) -> Response:
        return StreamingResponse(pieces(), headers={"content-length": "10"})

    app = Starlette(routes=[Route("/{path:path}", serve)])
    async with running(app) as service, passing_client() as client, browser(proxy(service, client)) as http:
        refused = await http.get("/consent/x")
    assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")
