"""A service as a process of its own, for tests to freeze, block and stop: `python -m tests.shared.served NAME`."""

import os
import sys
import time
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, STDOUT, Process
from functools import partial

from pydantic_settings import SettingsConfigDict

from shared import http, service
from shared.settings import ServiceSettings
from shared.watchdog import watching


async def begin(settings: ServiceSettings, *arguments: str) -> Process:
    """Start it with these settings; what it says, errors included, comes on its stdout."""
    told = {f"{settings.service}_{key}".upper(): str(value) for key, value in settings if value is not None}
    return await create_subprocess_exec(
        sys.executable, "-m", "tests.shared.served", settings.service, *arguments,
        env={**os.environ, **told}, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip


async def until_said(process: Process, words: bytes) -> None:
    """Return once it has said so; fail with all it said when it ends before."""
    assert process.stdout is not None
    said: list[bytes] = []
    while not said or words not in said[-1]:
        said.append(await process.stdout.readline())
        assert said[-1], b"".join(said)


def main(name: str, blocked: float | None = None) -> None:
    """Serve with the settings of the environment; if so told, block the event loop for some seconds, then end."""

    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix=f"{name.upper()}_")

    async def block() -> None:
        sys.stdout.write("blocked\n")
        sys.stdout.flush()
        time.sleep(blocked or 0)  # noqa: ASYNC251 - this is what the watchdog is for
        raise SystemExit(0)

    service.watching = partial(watching, bound=1.0)
    settings = Settings.from_environment()
    one = service.Service(name, http.make_app(settings, [], "x"), settings)
    if blocked is not None:
        one.background.append(block)
    service.serve(one)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
