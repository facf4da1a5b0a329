"""Balances a service's load over its replicas as a reverse proxy does: those that say they are ready get it in turn."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx2
import uvicorn

from infra.embedded.edge import balancing, passing_client
from infra.embedded.gateway import serving
from tests.faults.processes import Running

_ASK_EVERY = 0.5
_ANSWERS_WITHIN = 1.0


class Balancer:
    """Who of some replicas is to be sent the next request."""

    def __init__(self, replicas: Sequence[Running]) -> None:
        self._replicas = list(replicas)
        self._ready: set[str] = set()
        self._turn = 0

    def addresses(self) -> list[str]:
        """Return the ready ones, the next in turn first; all while none is: one may be again by now."""
        self._turn += 1
        urls = [each.url for each in self._replicas if each.url in self._ready] or [r.url for r in self._replicas]
        first = self._turn % len(urls)
        return urls[first:] + urls[:first]

    async def watch(self) -> None:
        """Ask all of them again and again whether they are ready, until cancelled."""
        async with httpx2.AsyncClient(timeout=_ANSWERS_WITHIN, trust_env=False) as client:
            while True:
                await asyncio.gather(*(self._ask(client, each) for each in self._replicas))
                await asyncio.sleep(_ASK_EVERY)

    async def _ask(self, client: httpx2.AsyncClient, replica: Running) -> None:
        ready = False
        with suppress(httpx2.TransportError):
            ready = (await client.get(replica.url + replica.ready_path)).status_code == 200
        (self._ready.add if ready else self._ready.discard)(replica.url)


@asynccontextmanager
async def balanced(port: int, replicas: Sequence[Running]) -> AsyncGenerator[Balancer]:
    """Pass on what comes to a port of this host."""
    balancer = Balancer(replicas)
    async with AsyncExitStack() as opened:
        client = await opened.enter_async_context(passing_client())
        watching = asyncio.create_task(balancer.watch())
        opened.callback(watching.cancel)
        app = balancing(balancer.addresses, client)
        config = uvicorn.Config(
            app, host="127.0.0.1", port=port, lifespan="off", log_config=None, access_log=False, ws="none"
        )
        await opened.enter_async_context(serving(config))
        yield balancer
