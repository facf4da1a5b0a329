"""Her own page: what she agreed to, who used her data, and the way to withdraw."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from services.consent.catalogue import Catalogue
from services.consent.domain.dossier import Basis
from services.consent.domain.grant import StandsOnLaw
from services.consent.domain.states import GrantState
from services.consent.given import Given
from services.consent.pages.login import LOGOUT
from services.consent.pages.words import END_WORDS, OUTCOME_WORDS, STATE_WORDS, USE_WORDS
from services.consent.service import mine, withdraw
from services.consent.session import Citizen, MaybeCitizen
from shared.browser import own_form
from shared.guards import public
from shared.http import Db, Now
from shared.pages import Shown, page_router

router = page_router("/consent")

WITHDRAWAL = "withdrawal"


@router.get("/me")
@public
async def show_mine(request: Request, citizen: MaybeCitizen, given: Given, pages: Shown, db: Db) -> Response:
    """Show her what stands and who used her data; to whoever is not logged in, the way to log in."""
    if citizen is None:
        return pages.render(request, "login.html")
    async with db.read() as tx:
        granted = await mine.show_grants(tx, subject_id=citizen)
        used = await mine.show_uses(tx, subject_id=citizen)
    values = {**_words(given.catalogue), "grants": granted, "uses": used, "logout_form": LOGOUT}
    return pages.render(request, "mine.html", values)


@router.get("/me/grants")
async def show_more_grants(
    request: Request, citizen: Citizen, given: Given, pages: Shown, db: Db, after: UUID, withdrawable: bool
) -> Response:
    """Show what her page had no room for; `after` is the last grant she has seen, and whether she could withdraw it."""
    async with db.read() as tx:
        granted = await mine.show_grants(tx, subject_id=citizen, after=mine.Cursor(after, withdrawable))
    return pages.render(request, "more_grants.html", {**_words(given.catalogue), "grants": granted})


@router.get("/me/uses")
async def show_more_uses(
    request: Request, citizen: Citizen, given: Given, pages: Shown, db: Db, after: UUID
) -> Response:
    """Show older uses of her data; `after` is the last one she has seen."""
    async with db.read() as tx:
        used = await mine.show_uses(tx, subject_id=citizen, after=after)
    return pages.render(request, "more_uses.html", {**_words(given.catalogue), "uses": used})


@router.get("/grants/{grant_id}/withdrawal")
async def ask_before_withdrawal(
    grant_id: UUID, request: Request, citizen: Citizen, given: Given, pages: Shown, db: Db
) -> Response:
    """Say what withdrawing does, before she does it."""
    async with db.read() as tx:
        grant = await mine.get_own_grant(tx, subject_id=citizen, grant_id=grant_id)
    if grant.kind is Basis.LEGAL_BASIS:
        raise StandsOnLaw
    if grant.state is not GrantState.GRANTED:
        return RedirectResponse("/consent/me", 303)
    values = {**_words(given.catalogue), "grant": grant, "withdrawal_form": WITHDRAWAL}
    return pages.render(request, "withdraw.html", values)


@router.post("/grants/{grant_id}/withdrawal", dependencies=[Depends(own_form(WITHDRAWAL))])
async def withdraw_grant(grant_id: UUID, citizen: Citizen, given: Given, db: Db, now: Now) -> Response:
    """Withdraw, and show the receipt that names when it works; a repeat shows the same receipt."""
    receipt = await withdraw.withdraw(db, confirming=given.confirming, subject_id=citizen, grant_id=grant_id, now=now)
    return RedirectResponse(f"/consent/me/receipts/{receipt.receipt_id}", 303)


@router.get("/me/receipts/{receipt_id}")
async def show_receipt(
    receipt_id: UUID, request: Request, citizen: Citizen, given: Given, pages: Shown, db: Db
) -> Response:
    """Show a receipt in words, and where to take the signed one from."""
    async with db.read() as tx:
        receipt = await mine.get_own_receipt(tx, subject_id=citizen, receipt_id=receipt_id)
        grant = await mine.get_own_grant(tx, subject_id=citizen, grant_id=receipt.grant_id)
    values = {**_words(given.catalogue), "receipt": receipt, "grant": grant}
    return pages.render(request, "receipt.html", values)


def _words(catalogue: Catalogue) -> Mapping[str, Any]:
    return {
        "names": {each.id: each.name for each in catalogue.vocabulary.attributes.values()},
        "purposes": {key: purpose.title for key, purpose in catalogue.purposes.items()},
        "agencies": catalogue.agencies,
        "use_words": USE_WORDS,
        "outcome_words": OUTCOME_WORDS,
        "state_words": STATE_WORDS,
        "end_words": END_WORDS,
    }
