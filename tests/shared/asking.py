"""Asks an application in this process, as a client would over the network."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from tests.shared.credentials import ORIGIN


@asynccontextmanager
async def asking(app: FastAPI, **options: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    """Open a client of the application; a bug in it is answered with 500 instead of raised here."""
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN, **options) as client:
        yield client


def members(answer: httpx2.Response) -> Mapping[str, Any]:
    """Return a problem's members but for the trace id, which differs each time."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert len(told.pop("trace_id")) == 32
    return told
