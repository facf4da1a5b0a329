"""A service starts only when it can serve, and stops as a whole."""

import asyncio
import gc
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import uvicorn

from infra.embedded.stack import Stack
from shared import http
from shared.db import DatabaseUnavailable
from shared.health import NotMigrated
from shared.service import Service, _in_background, serve, server_config
from shared.timers import every
from tests.shared.composing import make_service_settings
from tests.shared.credentials import make_settings


@pytest.mark.stack
async def test_what_runs_in_the_background_has_a_database_and_ends_with_the_service(
    stack: Stack, tmp_path: Path
) -> None:
    settings = await make_service_settings(stack, tmp_path)
    service = Service(settings.service, http.make_app(settings, [], "x"), settings)
    seen: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        async with service.db.read() as tx:
            seen.append(await tx.fetchval("SELECT 'running'"))
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("ended")

    async def close() -> None:
        seen.append("closed")

    service.background.append(work)
    service.on_close.append(close)
    async with service.running():
        await begun.wait()
    assert seen == ["running", "ended", "closed"]


@pytest.mark.stack
async def test_a_background_that_dies_ends_the_service_loudly(stack: Stack, tmp_path: Path) -> None:
    settings = await make_service_settings(stack, tmp_path)
    service = Service(settings.service, http.make_app(settings, [], "x"), settings)

    async def die() -> None:
        raise ZeroDivisionError

    service.background.append(die)

    async def serve_for_ever() -> None:
        async with service.running():
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as ended:
        await asyncio.wait_for(serve_for_ever(), timeout=10)
    assert ended.value.subgroup(ZeroDivisionError)


async def test_what_fails_beside_the_work_is_told_as_what_it_is() -> None:
    """A service that meets an outage as it starts says so, in no group of errors."""
    with pytest.raises(DatabaseUnavailable):
        async with _in_background([lambda: asyncio.sleep(60)]):
            raise DatabaseUnavailable


async def test_work_that_nobody_cancelled_is_begun_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """A library that cancels a task of its own, and awaits it, would else end it without a word, for good."""
    begun_again = asyncio.Event()
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise asyncio.CancelledError
        begun_again.set()
        await asyncio.Event().wait()

    async with _in_background([work]):
        await asyncio.wait_for(begun_again.wait(), timeout=10)
    assert "background_cancelled_by_nobody" in capsys.readouterr().out


async def test_work_that_lost_its_cancellation_on_the_way_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As asyncpg does: where the server is gone, rolling back fails, and that is all there is to hear of."""
    monkeypatch.setattr("shared.service._CANCEL_AGAIN", 0.05)
    rounds = 0

    async def one_round() -> None:
        nonlocal rounds
        rounds += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if rounds < 3:
                raise DatabaseUnavailable from None
            raise

    async def end() -> None:
        async with _in_background([lambda: every(0, one_round, "test")]):
            await asyncio.sleep(0)

    ending = asyncio.create_task(end())
    await asyncio.wait({ending}, timeout=5)
    heard, rounds = rounds, 3  # whoever is left heeds the next cancellation, or the loop could not end either
    ending.cancel()
    await asyncio.wait({ending})
    assert heard == 3


@pytest.mark.stack
async def test_a_service_does_not_start_on_a_schema_older_than_its_code(stack: Stack, tmp_path: Path) -> None:
    settings = await make_service_settings(stack, tmp_path, migrated=False)
    service = Service(settings.service, http.make_app(settings, [], "x"), settings)
    with pytest.raises(NotMigrated):
        await service.running().__aenter__()


async def test_a_service_does_not_start_without_its_database(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, database_url=f"postgresql:///x?host={tmp_path}")
    service = Service("consent", http.make_app(settings, [], "x"), settings)
    with pytest.raises(DatabaseUnavailable):
        await service.running().__aenter__()


def test_a_process_that_cannot_start_says_why_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = make_settings(tmp_path, database_url=f"postgresql:///x?host={tmp_path}")
    with pytest.raises(SystemExit) as ended:
        serve(Service("consent", http.make_app(settings, [], "x"), settings))
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (ended.value.code, said.err) == (1, "")
    assert (told["level"], told["event"], told["service"]) == ("error", "service_failed", "consent")
    assert told["exception"] == "shared.db.DatabaseUnavailable"


def test_a_process_whose_port_is_anothers_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def without_database(service: Service) -> AsyncGenerator[None]:
        yield

    monkeypatch.setattr(Service, "running", without_database)
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        settings = make_settings(tmp_path, listen_port=other.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            serve(Service("consent", http.make_app(settings, [], "x"), settings))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (ended.value.code, told[-1]["event"], told[-1]["port"]) == (1, "service_failed", settings.listen_port)


def test_what_was_made_at_start_is_collected_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full collection would stop the loop for as long as it takes to look at every module."""
    frozen: list[int] = []

    @asynccontextmanager
    async def without_database(service: Service) -> AsyncGenerator[None]:
        yield

    async def counted(server: uvicorn.Server) -> None:
        frozen.append(gc.get_freeze_count())

    monkeypatch.setattr(Service, "running", without_database)
    monkeypatch.setattr(uvicorn.Server, "serve", counted)
    settings = make_settings(tmp_path)
    try:
        serve(Service("consent", http.make_app(settings, [], "x"), settings))
    finally:
        gc.unfreeze()
    assert frozen[0] > 10_000


def test_a_service_is_not_given_anothers_settings(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with pytest.raises(ValueError, match="reuse was given the settings of consent"):
        Service("reuse", http.make_app(settings, [], "x"), settings)


def test_a_server_believes_no_forwarded_headers_and_writes_no_paths(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    config = server_config(Service("consent", http.make_app(settings, [], "x"), settings))
    assert (config.proxy_headers, config.access_log, config.server_header) == (False, False, False)
    assert (config.host, config.port) == ("127.0.0.1", 8102)
