"""The processes that the fault tests act on: killed, frozen and started again, beside a replica."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from tests.faults.processes import Running, system

pytestmark = pytest.mark.stack


async def test_services_are_killed_frozen_and_come_back_and_end_in_good_order_when_asked(tmp_path: Path) -> None:
    async with system(tmp_path) as running:
        consent, replica = running["consent"], running.replica("reuse")
        await replica.start()
        assert replica is running["reuse-2"]
        consent.freeze()
        assert not await _answers(consent)
        consent.thaw()
        await consent.ready()
        await consent.kill()
        assert not consent.alive
        await consent.start()
        await running.kill_kafka()
        await running.kill_postgres()
        await asyncio.gather(running.start_kafka(), running.start_postgres())
        for name in ("identity", "consent", "reuse", "reuse-2", "audit"):
            await running[name].ready()
        async with httpx2.AsyncClient() as client:
            at_the_edge = await client.get(f"{running.ports.origin}/.well-known/oauth-authorization-server/identity")
        assert at_the_edge.status_code == 200
        await asyncio.gather(replica.end(), consent.end())
        assert (await replica.ended(), await consent.ended()) == (0, 0)
        for process in (replica, consent):  # its connections closed, its reader group left: others need not wait for it
            assert "service_stopped" in process.log.read_text("utf-8")


async def _answers(process: Running) -> bool:
    async with httpx2.AsyncClient(timeout=0.5) as client:
        try:
            await client.get(f"{process.url}/health/live")
        except httpx2.TimeoutException:
            return False
    return True
