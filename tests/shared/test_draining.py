"""A service that is told to stop says so before its port closes, so that nobody is sent to a closed port."""

from pathlib import Path

import httpx2
import pytest

from infra.embedded.processes import free_ports
from infra.embedded.stack import Stack
from tests.shared import served
from tests.shared.asking import members
from tests.shared.composing import make_service_settings
from tests.shared.conftest import until

pytestmark = pytest.mark.stack


async def test_for_a_while_it_serves_keeps_no_connection_and_is_not_ready_then_ends(
    stack: Stack, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    settings = (await make_service_settings(stack, tmp_path)).model_copy(
        update={"listen_port": port, "drain_seconds": 3.0}
    )
    process = await served.begin(settings)
    await served.until_said(process, b'"service_started"')
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        await until(lambda: answers(client, 200))
        assert "connection" not in (await client.get("/health/ready")).headers
        process.terminate()

        async def closing() -> bool:
            return (await client.get("/health/live")).headers.get("connection") == "close"

        await until(closing, seconds=3)
        ready, live = await client.get("/health/ready"), await client.get("/health/live")
    assert (ready.status_code, members(ready)["code"], members(ready)["retryable"]) == (503, "draining", True)
    assert live.status_code == 200
    said, _ = await process.communicate()
    assert process.returncode == 0, said


async def test_a_second_signal_ends_it_at_once(stack: Stack, tmp_path: Path) -> None:
    settings = (await make_service_settings(stack, tmp_path)).model_copy(
        update={"listen_port": free_ports(1)[0], "drain_seconds": 60.0}
    )
    process = await served.begin(settings)
    await served.until_said(process, b'"service_started"')
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.listen_port}", trust_env=False) as client:
        await until(lambda: answers(client, 200))
        process.terminate()
        await until(lambda: answers(client, 503))
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def answers(client: httpx2.AsyncClient, status: int) -> bool:
    """Say whether it answers so to whether it is ready; before its port is open it answers nothing."""
    try:
        return (await client.get("/health/ready")).status_code == status
    except httpx2.ConnectError:
        return False
