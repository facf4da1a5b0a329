"""The edge of a stack that runs: TLS only, the services by their names, nothing inside, and bounds for everybody."""

import asyncio
import json
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.compose.project import Project
from infra.topics import SERVICES
from shared.tls import trusting

PORT = int(os.environ.get("EDGE_PORT", "8443"))
NAME = "motlan.localhost"
LOGINS, CONNECTIONS = int(os.environ.get("EDGE_LOGINS", "200")), int(os.environ.get("EDGE_CONNECTIONS", "200"))
SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        return json.loads(self.body)


async def ask(
    target: str,
    *,
    method: str = "GET",
    host: str | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Ask by hand: a client of ours would tidy the address up before it sent it."""
    fields = {"Host": host or f"{NAME}:{PORT}", "Connection": "close", **(headers or {})}
    if body and "Transfer-Encoding" not in fields:
        fields["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    async with asyncio.timeout(SECONDS):
        reader, writer = await connect()
        try:
            writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return await _read(reader)
        finally:
            writer.close()


async def ask_often(target: str, times: int) -> list[Answer]:
    """Ask again and again on one connection, each time when the answer is there."""
    reader, writer = await connect()
    try:
        answers: list[Answer] = []
        for _ in range(times):
            writer.write(f"GET {target} HTTP/1.1\r\nHost: {NAME}:{PORT}\r\n\r\n".encode())
            answers.append(await _read(reader))
        return answers
    finally:
        writer.close()


async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    tls = trusting(Path(os.environ["EDGE_CA"]))
    return await asyncio.open_connection("127.0.0.1", PORT, ssl=tls, server_hostname=NAME)


async def opens_soon() -> bool:
    for _ in range(SECONDS):
        try:
            (await connect())[1].close()
        except OSError:
            await asyncio.sleep(1)
        else:
            return True
    return False


async def _read(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(int(first.split()[1]), headers, body)


@pytest.mark.parametrize(
    "target",
    [
        "/internal/clock",
        "/internal/grants/0190/state",
        "//internal/clock",
        "/./internal/clock",
        "/INTERNAL/clock",
        "/%69nternal/clock",
        "/consent/../internal/clock",
        "/consent/x/../../internal/clock",
        "/consent/%2e%2e/internal/clock",
        "/consent/..%2finternal/clock",
        "/consent/%2E%2e%2Finternal/clock",
        "/consent/..%5cinternal/clock",
        "/consent/..;/internal/clock",
        "/health",
        "/health/ready",
        "/nothing",
        "/consentx",
        "/.well-known/other",
    ],
)
async def test_nothing_inside_is_reached_from_outside(target: str) -> None:
    refused = await ask(target)
    assert (refused.status, refused.problem["code"]) == (404, "not_found")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_found_by_its_name(service: str) -> None:
    """An address that is none of its own: the refusal is the service's, with the trace that it belongs to."""
    assert len((await ask(f"/{service}/nothing")).problem["trace_id"]) == 32


async def test_the_metadata_of_the_issuer_are_where_rfc_8414_puts_them() -> None:
    found = await ask("/.well-known/oauth-authorization-server/identity")
    assert json.loads(found.body)["issuer"] == f"https://{NAME}:{PORT}/identity"


async def test_the_bare_address_leads_to_the_citizens_own_page() -> None:
    answer = await ask("/")
    assert (answer.status, answer.headers["location"]) == (303, "/consent/me")


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "identity:8000"])
async def test_under_any_other_name_there_is_nothing(host: str) -> None:
    refused = await ask("/consent/me", host=host)
    assert (refused.status, refused.problem["code"]) == (404, "not_found")


@pytest.mark.parametrize("target", ["/", "/consent/me", "/internal/clock", "/reuse/jwks", "/nothing"])
async def test_every_answer_bids_browsers_be_careful(target: str) -> None:
    headers = (await ask(target)).headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in headers
    assert "server" not in headers
    assert "via" not in headers


@pytest.mark.parametrize("size", [70_000, 300_000, 1_000_000, 3_000_000])
async def test_a_body_larger_than_anybody_takes_is_refused(size: int) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    refused = await ask("/reuse/dossiers", method="POST", headers=headers, body=b" " * size)
    assert (refused.status, refused.problem["code"]) == (413, "body_too_large")


async def test_a_body_that_does_not_say_its_length_is_cut_off_too() -> None:
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    pieces = (b"400\r\n" + b" " * 1024 + b"\r\n") * 3000
    refused = await ask("/reuse/dossiers", method="POST", headers=headers, body=pieces)
    assert (refused.status, refused.problem["code"]) == (413, "body_too_large")


async def test_headers_larger_than_anybody_sends_are_refused() -> None:
    refused = await ask("/consent/me", headers={"X-Long": "a" * 40_000})
    assert (refused.status, refused.problem["code"]) == (431, "headers_too_large")
    assert (await ask("/consent/me", headers={"X-Long": "a" * 200_000})).status in (400, 414, 431)  # by its version


async def test_an_address_that_begins_logins_without_end_is_told_to_wait_and_the_rest_goes_on() -> None:
    """Refused ones do not count, so one is let through now and then."""
    answers = await ask_often("/identity/token", LOGINS + 20)
    assert answers[0].status != 429
    refused = next(each for each in answers if each.status == 429)
    assert (refused.problem["code"], refused.problem["retryable"]) == ("too_many_requests", True)
    assert 429 in {each.status for each in await ask_often("/identity/%74oken", 20)}
    assert (await ask("/reuse/jwks")).status == 200
    await asyncio.sleep(int(refused.headers["retry-after"]) + 1)
    assert (await ask("/identity/token")).status != 429  # and others' tests may log in


def test_whom_it_refuses_it_tells_of_once_in_ten_seconds_and_of_nobody_else() -> None:
    """Reads what the tests before this one have left."""
    lines = Project().read("logs", "--no-log-prefix", "edge").splitlines()
    assert not [line for line in lines if re.search(r"\d+\.\d+\.\d+\.\d+:\d+", line)]
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"time", "level", "event", "service", "status", "limit", "backend"} == set().union(*told)
    assert 1 <= sum(each["limit"] == "logins" for each in told) <= 5
    assert not {each["status"] for each in told} & {200, 303, 401}


async def test_an_address_has_no_more_connections_than_it_may() -> None:
    tried = await asyncio.gather(*(connect() for _ in range(CONNECTIONS + 20)), return_exceptions=True)
    refused = [each for each in tried if isinstance(each, OSError)]  # closed before TLS began
    for opened in tried:
        if not isinstance(opened, BaseException):
            opened[1].close()
    assert 20 <= len(refused) < CONNECTIONS
    assert await opens_soon()  # once they are closed


async def test_two_lengths_are_one_too_many() -> None:
    refused = await ask(
        "/consent/me", headers={"Content-Length": "5", "Transfer-Encoding": "chunked"}, body=b"0\r\n\r\n"
    )
    assert refused.status in (200, 303, 400)  # the length is dropped, as RFC 9112 6.3 says, or it is refused
    assert (await ask("/consent/me", headers={"Content-Length": "5\r\nContent-Length: 6"})).status == 400


async def test_without_tls_nobody_is_served() -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(f"GET /consent/me HTTP/1.1\r\nHost: {NAME}:{PORT}\r\n\r\n".encode())
    assert b"HTTP" not in await reader.read()
    writer.close()


async def test_an_old_tls_is_not_spoken() -> None:
    tls = trusting(Path(os.environ["EDGE_CA"]))
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection("127.0.0.1", PORT, ssl=tls, server_hostname=NAME)
