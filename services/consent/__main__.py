"""Composition root of consent: `python -m services.consent`."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.consent.api import counter, inside, receipts
from services.consent.catalogue import Catalogue
from services.consent.clients.identity import IdentityClient
from services.consent.clients.login import LoginClient
from services.consent.clients.reuse import ReuseClient
from services.consent.consumer import HANDLERS, SOURCES
from services.consent.pages import login, mine, request
from services.consent.pages.words import PROBLEMS
from services.consent.parts import Parts
from services.consent.service import end, withdraw
from services.consent.service import login as logins
from services.consent.service import request as requests
from services.consent.settings import Settings
from services.consent.signing import ReceiptSigner
from shared import clock, health
from shared.http import make_app
from shared.keys import SigningKey, read_public_keys
from shared.messaging import Messaging
from shared.operate import main
from shared.pages import Pages
from shared.service import Service
from shared.timers import every

NAME = "consent"
WATERMARK_SECONDS = 0.3  # withdrawals are only as quick as watermarks are fresh (architecture §5)
TEMPLATES = Path(__file__).parent / "templates"


def compose(settings: Settings) -> Service:
    """Wire the service together; nothing is opened yet but its files."""
    service = Service(NAME, make_consent_app(settings), settings)
    parts = _parts(service, settings)
    service.app.state.parts = parts
    service.on_close.append(parts.login.close)
    _add_background(service, parts)
    return service


def make_consent_app(settings: Settings) -> FastAPI:
    """Make the application with its pages."""
    pages = Pages(settings, TEMPLATES, texts=PROBLEMS)
    routers = [
        inside.router, counter.router, receipts.router, request.router, mine.router, login.router, pages.router(),
        health.router,
    ]  # fmt: skip
    app = make_app(settings, routers, "Một Lần: consent", render_page=pages.problem)
    app.state.pages = pages
    return app


def app_for_contract() -> FastAPI:
    """Make the application without any I/O, for the export of its OpenAPI document."""
    return make_consent_app(
        Settings.model_construct(public_origin="http://localhost:8080", contracts_dir=Path("contracts"))
    )


def _parts(service: Service, settings: Settings) -> Parts:
    catalogue = Catalogue.load(settings.contracts_dir)
    return Parts(
        own_url=settings.own_url,
        catalogue=catalogue,
        signer=ReceiptSigner(
            SigningKey.load(settings.receipt_key_file),
            settings.own_url,
            catalogue.vocabulary.attributes,
            read_public_keys(settings.published_keys_file),
        ),
        identity=IdentityClient(service.client("identity")),
        reuse=ReuseClient(service.client("reuse")),
        login=LoginClient(
            issuer=settings.issuer,
            identity_url=settings.identity_url,
            own_url=settings.own_url,
            key=SigningKey.load(settings.self_service_client_key_file),
        ),
        lease=timedelta(seconds=settings.lease_seconds),
    )


def _add_background(service: Service, parts: Parts) -> None:
    """Relay, consumer and timers: every replica runs them; each picks its work so that it is done once."""
    Messaging(service, sources=SOURCES, handlers=HANDLERS, watermark_every=WATERMARK_SECONDS)

    async def confirm_withdrawals() -> None:
        confirm = partial(withdraw.confirm_left_over, service.db, confirming=parts.confirming)
        await confirm(now=clock.now(), at_start=True)
        await every(1, lambda: confirm(now=clock.now()), "withdrawals_to_confirm")

    async def end_run_out() -> None:
        await every(5, lambda: end.end_run_out(service.db, clock.now()), "grants_run_out")

    async def lapse_requests() -> None:
        await every(5, lambda: requests.lapse_overdue(service.db, clock.now()), "requests_overdue")

    async def forget_sessions() -> None:
        await every(60, lambda: logins.forget_expired(service.db, clock.now()), "sessions_expired")

    service.background += [confirm_withdrawals, end_run_out, lapse_requests, forget_sessions]


if __name__ == "__main__":
    main(lambda: compose(Settings.from_environment()))
