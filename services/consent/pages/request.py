"""The consent page: entered with a ticket, shown to the browser that logged in, answered once."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Form, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from services.consent.domain.item import Answer, AnswerMissing
from services.consent.domain.request import ConsentRequest
from services.consent.domain.states import RequestState
from services.consent.given import Given
from services.consent.service import decide
from services.consent.service import request as requests
from shared.browser import CurrentBrowser, check_same_origin, own_form
from shared.guards import public
from shared.http import Db, Now
from shared.pages import Pages, Shown, page_router

router = page_router("/consent")

DECISION, ABANDONMENT = "decision", "abandonment"
_SEE_OTHER = 303  # never 307: the form must not be sent on (RFC 9700 §4.12)


@router.post("/entry")
@public
async def enter(
    request: Request, browser: CurrentBrowser, db: Db, now: Now, ticket: Annotated[str, Form()]
) -> Response:
    """Take the ticket that identity's page posts, and lead the browser that logged in to its request."""
    check_same_origin(request)
    async with db.transaction() as tx:
        entered = await requests.enter(tx, ticket=ticket, browser_hash=browser.hash, now=now)
    return RedirectResponse(f"/consent/requests/{entered.request_id}", _SEE_OTHER)


@router.get("/requests/{request_id}")
@public
async def show(request_id: UUID, request: Request, browser: CurrentBrowser, pages: Shown, db: Db, now: Now) -> Response:
    """Show what is told and asked; once it is answered or too late, say so and show the way back."""
    async with db.read() as tx:
        found = await requests.show(tx, browser_hash=browser.hash, request_id=request_id)
    if found.state is not RequestState.REQUESTED or found.is_over(now):
        return _closed(request, pages, found)
    return _question(request, pages, found)


@router.post("/requests/{request_id}/decision", dependencies=[Depends(own_form(DECISION))])
@public
async def answer(
    request_id: UUID, request: Request, browser: CurrentBrowser, given: Given, pages: Shown, db: Db, now: Now
) -> Response:
    """Take her answer, and send her back. The first answer counts; another one from a second tab is told so."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    async with db.read() as tx:
        found = await requests.show(tx, browser_hash=browser.hash, request_id=request_id)
    answers = read_answers(found, form)
    try:
        async with db.transaction() as tx:
            decided = await decide.decide(
                tx,
                browser_hash=browser.hash,
                request_id=request_id,
                answers=answers,
                signer=given.signer,
                now=now,
            )
    except AnswerMissing:
        return _question(request, pages, found, answered=form)
    if decided.state is RequestState.DECIDED and decided.answers == answers:
        return RedirectResponse(decided.way.return_url, _SEE_OTHER)
    return _closed(request, pages, decided, status=409)


@router.post("/requests/{request_id}/abandonment", dependencies=[Depends(own_form(ABANDONMENT))])
@public
async def abandon(
    request_id: UUID, request: Request, browser: CurrentBrowser, pages: Shown, db: Db, now: Now
) -> Response:
    """Let her give the application up, and send her back."""
    async with db.transaction() as tx:
        abandoned = await decide.abandon(tx, browser_hash=browser.hash, request_id=request_id, now=now)
    if abandoned.state is RequestState.ABANDONED:
        return RedirectResponse(abandoned.way.return_url, _SEE_OTHER)
    return _closed(request, pages, abandoned, status=409)


def read_answers(request: ConsentRequest, form: dict[str, str]) -> dict[str, Answer]:
    """Read the form: a told item continues unless she ticked that she hands it in; an asked item needs her word."""
    answers: dict[str, Answer] = {}
    for item in request.items:
        said = form.get(item.item_id, Answer.CONTINUE if item.rule else "")
        if said in item.answers:
            answers[item.item_id] = Answer(said)
    return answers


def _question(
    request: Request,
    pages: Pages,
    found: ConsentRequest,
    *,
    answered: dict[str, str] | None = None,
) -> Response:
    values: dict[str, Any] = {
        "request_id": found.request_id,
        "notice": found.notice.content,
        "lapses_at": found.lapses_at,
        "answered": answered or {},
        "missing": answered is not None,
        "decision_form": DECISION,
        "abandonment_form": ABANDONMENT,
    }
    # Chrome applies form-action to the redirects that follow: back to identity, then on to the system that asked.
    return pages.render(
        request,
        "question.html",
        values,
        status=200 if answered is None else 422,
        form_action=[found.way.redirect_origin],
        at=_address(found),
    )


def _closed(request: Request, pages: Pages, found: ConsentRequest, *, status: int = 200) -> Response:
    lapsed = found.state in (RequestState.REQUESTED, RequestState.LAPSED)
    state = RequestState.LAPSED if lapsed else found.state
    values = {"state": state.value, "closed_at": found.closed_at, "return_url": found.way.return_url}
    return pages.render(request, "closed.html", values, status=status, at=_address(found))


def _address(found: ConsentRequest) -> str:
    """Say where the page is found also after a form was sent; what she had filled in belongs in no address."""
    return f"/consent/requests/{found.request_id}"
