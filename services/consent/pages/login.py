"""Her own login: off to VNeID through identity, back with a code, out again."""

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from services.consent import session
from services.consent.given import Given
from services.consent.service import login
from shared.browser import CurrentBrowser, language_of, own_form
from shared.guards import public
from shared.http import Db, Now, service_of
from shared.pages import page_router

router = page_router("/consent")

LOGOUT = "logout"


@router.get("/login")
@public
async def begin_login(request: Request, browser: CurrentBrowser, given: Given, db: Db, now: Now) -> Response:
    """Send her to log in. A link and not a form: the redirects after a form would have to be known to its page."""
    address = await login.begin(
        db, login=given.login, browser_hash=browser.hash, language=language_of(request), now=now
    )
    return RedirectResponse(address, 303)


@router.get("/callback")
@public
async def finish_login(
    request: Request,
    browser: CurrentBrowser,
    given: Given,
    db: Db,
    now: Now,
    state: Annotated[str, Query(max_length=200)] = "",
    iss: Annotated[str | None, Query(max_length=300)] = None,
    code: Annotated[str | None, Query(max_length=500)] = None,
    error: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Take the answer of her login and begin a session."""
    secret = await login.finish(
        db,
        login=given.login,
        verifier=service_of(request).verifier,
        browser_hash=browser.hash,
        callback=login.Callback(state, iss, code, error),
        now=now,
    )
    response = RedirectResponse("/consent/me", 303)
    session.remember(request, response, secret)
    return response


@router.post("/logout", dependencies=[Depends(own_form(LOGOUT))])
@public
async def end_login(request: Request, db: Db) -> Response:
    """End her session."""
    if secret := session.secret_of(request):
        async with db.transaction() as tx:
            await login.log_out(tx, secret)
    response = RedirectResponse("/consent/me", 303)
    session.forget(request, response)
    return response
