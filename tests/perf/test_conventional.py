"""The comparator is a fair one: asked for the same release, it says the same as reuse, of the same tables."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.stack import Stack
from tests.perf.freshness import kept_fresh
from tests.perf.servers import serving
from tests.perf.world import Filled, World

pytestmark = pytest.mark.stack

MADE_ANEW = {"iat", "jti", "authorised_at", "released_at"}


@pytest.fixture(scope="module")
async def world(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("bench"), stack.postgres)


@pytest.fixture(scope="module")
async def filled(world: World) -> AsyncGenerator[Filled]:
    made = await world.reuse_with(2)
    async with kept_fresh(made.dsn):
        yield made


async def ask(port: int, request: bytes) -> tuple[int, dict[str, Any]]:
    """Send one request and return status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def released(world: World, filled: Filled, what: str) -> dict[str, Any]:
    """Let a server release the first citizen's paper; return what it signed."""
    async with serving(what, world.folder, filled.told) as server:
        [request] = world.city.releases(filled.targets[:1], 1)
        status, answer = await ask(server.port, request)
    assert status == 200, answer
    body = answer["release"].split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))


async def test_both_sign_the_same_release(world: World, filled: Filled) -> None:
    ours, theirs = await released(world, filled, "reuse"), await released(world, filled, "conventional")
    for claims in (ours, theirs):
        for name in MADE_ANEW:
            claims.pop(name)
        for line in (*claims["provenance"], *(each["verification"] for each in claims["verified_claims"])):
            line.pop("time", None)
            line.pop("verified_at", None)
            line.pop("evidence", None)
    assert theirs == ours
    assert [set(each["claims"]) for each in ours["verified_claims"]] == [
        {"vn_current_residence"}, {"vn_permanent_residence"},
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["reuse", "conventional"])
async def test_both_refuse_a_proof_that_was_used(world: World, filled: Filled, what: str) -> None:
    async with serving(what, world.folder, filled.told) as server:
        [request] = world.city.releases(filled.targets[:1], 1)
        assert (await ask(server.port, request))[0] == 200
        assert (await ask(server.port, request))[0] >= 400


async def test_the_bench_without_proofs_still_verifies_the_token(world: World, filled: Filled, tmp_path: Path) -> None:
    async with serving("reuse_without_proofs", tmp_path, filled.told) as server:
        [request] = world.city.releases(filled.targets[:1], 1)
        assert (await ask(server.port, request))[0] == 200
        assert (await ask(server.port, request.replace(b"DPoP ey", b"DPoP ez")))[0] == 401
