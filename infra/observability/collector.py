"""Takes traces and metrics as a collector of OpenTelemetry does (OTLP over HTTP), and keeps them as they came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


@dataclass
class Collector:
    """What has been sent to a port of this machine."""

    port: int
    traces: list[bytes] = field(default_factory=list[bytes])
    metrics: list[bytes] = field(default_factory=list[bytes])

    @property
    def address(self) -> str:
        """The base URL that services are told."""
        return f"http://127.0.0.1:{self.port}"

    def config(self) -> uvicorn.Config:
        """Say how it is served."""
        routes = [_route("/v1/traces", self.traces), _route("/v1/metrics", self.metrics)]
        return uvicorn.Config(
            Starlette(routes=routes), port=self.port, lifespan="off", log_config=None, access_log=False
        )


def _route(path: str, kept: list[bytes]) -> Route:
    async def take(request: Request) -> Response:
        kept.append(await request.body())
        return Response()

    take_: Callable[[Request], Awaitable[Response]] = take
    return Route(path, take_, methods=["POST"])
