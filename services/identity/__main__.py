"""Composition root of identity: `python -m services.identity`."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI

from services.identity import registrations
from services.identity.api import checks, inside, oauth, oauth_form
from services.identity.clients.consent import ConsentClient
from services.identity.clients.reuse import ReuseClient
from services.identity.clients.vneid.client import Registration as VneidRegistration
from services.identity.clients.vneid.client import VneidClient
from services.identity.clients.vneid.dialect import DIALECTS
from services.identity.consumer import SOURCES, make_handlers
from services.identity.domain.client import Registration
from services.identity.levels import LevelTable
from services.identity.pages import login
from services.identity.pages.words import PROBLEMS
from services.identity.parts import Parts
from services.identity.sealing import Safe
from services.identity.service.registrations import register
from services.identity.service.sweep import sweep
from services.identity.settings import Settings
from services.identity.tokens import TokenIssuer
from shared import clock, health, reference
from shared.data_keys import read_vault
from shared.http import make_app
from shared.keys import SigningKey, read_public_keys
from shared.messaging import Messaging
from shared.operate import main
from shared.pages import Pages
from shared.service import Service
from shared.settings import read_key
from shared.timers import every

NAME = "identity"
SWEEP_SECONDS = 5


@dataclass
class IdentityService(Service):
    """Identity, which takes over its registration file before it runs."""

    registered: Sequence[Registration] = field(default_factory=tuple[Registration, ...])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run as every service does, with the clients of the registration file."""
        async with super().running():
            await register(self.db, self.registered, clock.now())
            yield


def compose(settings: Settings) -> IdentityService:
    """Wire the service together; nothing is opened yet but its files."""
    known = reference.load(settings.contracts_dir)
    issuer = TokenIssuer(
        settings.issuer, SigningKey.load(settings.token_key_file), read_public_keys(settings.published_keys_file)
    )
    vault = read_vault(settings.kek_file, settings.other_kek_files)
    service = IdentityService(
        NAME,
        make_identity_app(settings),
        settings,
        issuer_keys=issuer,
        registered=registrations.load(settings.clients_file, known),
        vault=vault,
    )
    parts = Parts(
        origin=settings.public_origin,
        reference=known,
        safe=Safe(vault, read_key(settings.index_key_file)),
        levels=LevelTable.load(settings.levels_file),
        tokens=issuer,
        vneid=_vneid(settings),
        consent=ConsentClient(service.client("consent"), service.trust),
        reuse=ReuseClient(service.client("reuse")),
        pin_places=settings.pin_places,
    )
    service.app.state.parts = parts
    _add_background(service, parts)
    return service


def make_identity_app(settings: Settings) -> FastAPI:
    """Make the application with its pages."""
    pages = Pages(settings, texts=PROBLEMS)
    routers = [oauth.router, checks.router, inside.router, login.router, pages.router(), health.router]
    app = make_app(settings, routers, "Một Lần: identity", render_page=pages.problem, render_at=oauth_form.PATHS)
    app.state.pages = pages
    return app


def app_for_contract() -> FastAPI:
    """Make the application without any I/O, for the export of its OpenAPI document."""
    return make_identity_app(
        Settings.model_construct(public_origin="http://localhost:8080", contracts_dir=Path("contracts"))
    )


def _vneid(settings: Settings) -> VneidClient:
    return VneidClient(
        VneidRegistration(
            issuer=settings.vneid_issuer,
            client_id=settings.vneid_client_id,
            redirect_uri=settings.vneid_redirect_uri,
            key=SigningKey.load(settings.vneid_client_key_file),
            algorithm=settings.vneid_algorithm,
            dialect=DIALECTS[settings.vneid_dialect],
        ),
        ca_file=settings.ca_file,
    )


def _add_background(service: Service, parts: Parts) -> None:
    """Relay, reader and timer: every replica runs them; each picks its work so that it is done once."""
    Messaging(service, sources=SOURCES, handlers=make_handlers(parts))

    async def end_what_is_over() -> None:
        await every(SWEEP_SECONDS, lambda: sweep(service.db, clock.now()), "logins_overdue")

    service.background.append(end_what_is_over)


if __name__ == "__main__":
    main(lambda: compose(Settings.from_environment()))
