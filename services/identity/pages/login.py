"""A browser's way through a login: authorize, VNeID's answer, and the return from the consent page."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from services.identity.domain.ids import FlowId
from services.identity.given import Given
from services.identity.service import authorize, hand_over, login
from services.identity.service.steps import GoTo, Step
from shared.browser import CurrentBrowser, keep_language, language_of
from shared.errors import Invalid
from shared.guards import public
from shared.http import Db, Now
from shared.pages import Pages, Shown, page_router

router = page_router("/identity")

Text = Annotated[str | None, Query(max_length=2000)]


class DoubledParameter(Invalid):
    """A parameter comes twice, and one of them would be believed."""

    code = "doubled_parameter"


@router.get("/authorize")
@public
async def authorize_login(
    request: Request,
    browser: CurrentBrowser,
    given: Given,
    db: Db,
    now: Now,
    client_id: Annotated[str, Query(max_length=60)] = "",
    request_uri: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Send her to VNeID. Of the address only these two count: everything else was pushed (RFC 9126 §4)."""
    step = await authorize.begin(
        db,
        given=given,
        client_id=client_id,
        request_uri=request_uri,
        browser_hash=browser.hash,
        language=language_of(request),
        now=now,
    )
    if step.language:
        keep_language(request, step.language)
    return RedirectResponse(step.url, 303)


@router.get("/vneid/callback")
@public
async def take_answer(
    request: Request,
    browser: CurrentBrowser,
    given: Given,
    shown: Shown,
    db: Db,
    now: Now,
    state: Text = None,
    iss: Text = None,
    code: Text = None,
    error: Text = None,
) -> Response:
    """Take VNeID's answer and lead her on."""
    names = [name for name, _ in request.query_params.multi_items()]
    if len(set(names)) != len(names):
        raise DoubledParameter
    step = await login.take_answer(
        db,
        given=given,
        callback=login.Callback(state or "", iss, code, error),
        browser_hash=browser.hash,
        now=now,
    )
    return _answer(request, shown, step)


@router.get("/flows/{flow_id}/return")
@public
async def come_back(
    flow_id: UUID, request: Request, browser: CurrentBrowser, given: Given, shown: Shown, db: Db, now: Now
) -> Response:
    """Take her back from the consent page."""
    step = await hand_over.come_back(db, given=given, flow_id=FlowId(flow_id), browser_hash=browser.hash, now=now)
    return _answer(request, shown, step)


def _answer(request: Request, pages: Pages, step: Step) -> Response:
    # 303, so that nothing that was posted is posted on (RFC 9700 §4.12).
    if isinstance(step, GoTo):
        return RedirectResponse(step.url, 303)
    return pages.hand_over(request, step.entry_url, {"ticket": step.ticket})
