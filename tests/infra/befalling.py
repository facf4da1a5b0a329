"""Lets tests choose what befalls which answer of the simulators, without a seed and without a wire."""

from collections.abc import Mapping, Sequence
from random import Random

import httpx2
from starlette.types import ASGIApp

from infra.simulators.faults import Faults, Kind
from infra.simulators.hostile import Hostile


class Befalling(Faults):
    """Deals an endpoint's answers these kinds, one after the other; then nothing."""

    def __init__(self, fates: Mapping[str, Sequence[Kind]], luck: int = 1) -> None:
        super().__init__(luck)
        self._fates = {endpoint: list(kinds) for endpoint, kinds in fates.items()}

    def draw(self, endpoint: str) -> tuple[Kind | None, Random]:
        """Return the next fate."""
        fates = self._fates.get(endpoint)
        return fates.pop(0) if fates else None, super().draw(endpoint)[1]


class HostileTransport(httpx2.ASGITransport):
    """The way to an app that may be cut; says it as a wire would."""

    def __init__(self, app: ASGIApp, faults: Faults, rotated: list[bool] | None = None) -> None:
        super().__init__(app=Hostile(app, faults, rotate=(rotated if rotated is not None else []).append))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass a request on."""
        try:
            return await super().handle_async_request(request)
        except ConnectionResetError as reset:
            raise httpx2.ReadError("connection reset", request=request) from reset
