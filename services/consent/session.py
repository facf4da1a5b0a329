"""The citizen behind a session cookie of consent's own; the cookie's secret is kept here as a hash only."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from services.consent.domain.ids import SubjectId
from services.consent.service import login
from shared.errors import Unauthenticated
from shared.guards import guard
from shared.http import Db, Now, service_of


class LoginNeeded(Unauthenticated):
    """Nobody is logged in here, or not any more."""

    code = "login_needed"
    fault = "citizen"


def cookie_name(*, secure: bool) -> str:
    """Name the session cookie: `__Host-` over https, where no other host can set it."""
    return "__Host-motlan-me" if secure else "motlan-me"


def secret_of(request: Request) -> str | None:
    """Return what the browser holds of a session."""
    return request.cookies.get(cookie_name(secure=service_of(request).settings.secure))


def remember(request: Request, response: Response, secret: str) -> None:
    """Give the browser its session: for this host only, until it is closed, unreadable to scripts."""
    secure = service_of(request).settings.secure
    response.set_cookie(cookie_name(secure=secure), secret, path="/", secure=secure, httponly=True, samesite="lax")


def forget(request: Request, response: Response) -> None:
    """Take the session from the browser."""
    secure = service_of(request).settings.secure
    response.delete_cookie(cookie_name(secure=secure), path="/", secure=secure, httponly=True, samesite="lax")


async def find_citizen(request: Request, db: Db, now: Now) -> SubjectId | None:
    """Return who is logged in in this browser, if anybody."""
    async with db.read() as tx:
        return await login.find_citizen(tx, secret_of(request), now)


@guard
async def citizen(found: Annotated[SubjectId | None, Depends(find_citizen)]) -> SubjectId:
    """Return who is logged in; raises LoginNeeded."""
    if found is None:
        raise LoginNeeded
    return found


MaybeCitizen = Annotated[SubjectId | None, Depends(find_citizen)]
Citizen = Annotated[SubjectId, Depends(citizen)]
