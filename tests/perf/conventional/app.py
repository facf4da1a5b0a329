"""The same release as it is conventionally built: FastAPI, SQLAlchemy's ORM, PyJWT with PEM, a statement a step.

It checks, writes, decrypts and signs what `services.reuse` does, on the same tables; only how it is built differs.
"""

import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import Response

from tests.perf.conventional import steps
from tests.perf.conventional.auth import Caller, get_caller
from tests.perf.conventional.keys import Keys
from tests.perf.conventional.signing import sign
from tests.perf.conventional.views import ReleaseRequest, ReleaseView

logger = logging.getLogger("conventional")


class AccessLog(BaseHTTPMiddleware):
    """One line a request."""

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """Time the request and log it."""
        started = time.perf_counter()
        response = await call_next(request)
        logger.info("%s %s %.1f ms", request.method, response.status_code, (time.perf_counter() - started) * 1000)
        return response


async def get_session(request: Request) -> AsyncGenerator[AsyncSession]:
    """Open a session for the request."""
    sessions: async_sessionmaker[AsyncSession] = request.app.state.sessions
    async with sessions() as session:
        yield session


def make_app(keys: Keys, sessions: async_sessionmaker[AsyncSession]) -> FastAPI:
    """Make the application."""
    app = FastAPI()
    app.add_middleware(AccessLog)
    app.state.keys, app.state.sessions = keys, sessions

    @app.post("/reuse/dossiers/{dossier_uid}/releases")
    async def release(
        dossier_uid: UUID,
        body: ReleaseRequest,
        caller: Annotated[Caller, Depends(get_caller)],
        session: Annotated[AsyncSession, Depends(get_session)],
    ) -> ReleaseView:
        await steps.use_up(session, caller)
        dossier = await steps.get_dossier(session, dossier_uid, caller.claims)
        party = await steps.get_party(session, dossier, body.party_uid)
        components = await steps.get_components(session, party, body.component_ids)
        grant = await steps.lock_grant(session, party, caller.claims)
        held = await steps.find_held(session, party, components)
        data_key = await steps.get_data_key(session, party)
        t = await steps.get_fresh_watermark(session, grant)
        journal = steps.write(session, dossier, party, components, grant, held, t, caller.claims)
        await session.commit()
        jws = sign(keys, journal, dossier, grant, held, data_key)
        return ReleaseView(
            release_id=journal.release_id, released_at=journal.authorised_at, components=journal.components, release=jws
        )

    return app
