"""Composition root of reuse: `python -m services.reuse`."""

import asyncio
from datetime import timedelta

from fastapi import FastAPI

from services.reuse import catalogue
from services.reuse.api import collecting, dossiers, inside, judging, releases
from services.reuse.clients.consent import ConsentClient
from services.reuse.clients.identity import IdentityClient
from services.reuse.clients.registries import RegistriesClient
from services.reuse.consumer import HANDLERS, SOURCES
from services.reuse.domain.ids import AttributeId
from services.reuse.domain.lease import Lease
from services.reuse.domain.procedure import Grade
from services.reuse.parts import Parts
from services.reuse.service import clocks, holdings
from services.reuse.service import dossiers as dossier_cases
from services.reuse.settings import Settings
from services.reuse.signing import ReleaseSigner
from shared import clock, health, log, reference
from shared.data_keys import read_vault
from shared.errors import Unavailable
from shared.http import make_app
from shared.keys import SigningKey, read_public_keys
from shared.messaging import Messaging
from shared.operate import main
from shared.service import Service
from shared.timers import every

NAME = "reuse"
_COMPARE_CLOCKS_EVERY, _COMPARE_CLOCKS_AGAIN = 60.0, 1.0


def compose(settings: Settings) -> Service:
    """Wire the service together; nothing is opened yet but its files."""
    service = Service(NAME, make_reuse_app(settings), settings)
    parts = _parts(service, settings)
    service.app.state.parts = parts
    service.on_close.append(parts.registries.close)
    Messaging(service, sources=SOURCES, handlers=HANDLERS)
    _add_background(service, parts)
    return service


def make_reuse_app(settings: Settings) -> FastAPI:
    """Make the application."""
    routers = [
        dossiers.router,
        collecting.router,
        releases.router,
        judging.router,
        inside.router,
        health.router,
    ]
    return make_app(settings, routers, "Một Lần: reuse", front=releases.FRONT)


def app_for_contract() -> FastAPI:
    """Make the application without any I/O, for the export of its OpenAPI document."""
    return make_reuse_app(Settings.model_construct(public_origin="http://localhost:8080"))


def _parts(service: Service, settings: Settings) -> Parts:
    known = reference.load(settings.contracts_dir)
    service.vault = vault = read_vault(settings.kek_file, settings.other_kek_files)
    key, others = SigningKey.load(settings.release_key_file), read_public_keys(settings.published_keys_file)
    return Parts(
        maps=catalogue.load(settings.contracts_dir),
        reference=known,
        grades=_grades(known),
        vault=vault,
        signer=ReleaseSigner(key, settings.own_url, vault, known.attributes, others),
        identity=IdentityClient(service.client("identity")),
        consent=ConsentClient(service.client("consent"), service.trust),
        registries=RegistriesClient(settings.registries_url, ca_file=settings.ca_file),
        lease=Lease(
            length=timedelta(seconds=settings.lease_seconds),
            skew=timedelta(seconds=settings.skew_seconds),
            commit_allowance=timedelta(seconds=settings.commit_allowance_seconds),
        ),
        unsealed_bound=timedelta(minutes=settings.unsealed_bound_minutes),
        draft_life=settings.draft_life,
    )


def _grades(known: reference.Reference) -> dict[tuple[AttributeId, str], Grade]:
    return {
        (AttributeId(attribute.id), source): catalogue.read_grade(grade)
        for attribute in known.attributes.values()
        for source, grade in attribute.sources.items()
    }


def _add_background(service: Service, parts: Parts) -> None:
    """Timers: every replica runs them; each picks its work so that it is done once."""

    async def compare_clocks() -> None:
        while True:  # at start consent may come up after us, or be slow: without a verdict nothing is released
            try:
                proved = await clocks.compare(service.db, parts.consent, parts.lease.skew)
                await asyncio.sleep(_COMPARE_CLOCKS_EVERY if proved else _COMPARE_CLOCKS_AGAIN)
            except Unavailable as outage:
                log.warning("clocks_not_compared", code=outage.code)
                await asyncio.sleep(_COMPARE_CLOCKS_AGAIN)
            except Exception as error:  # noqa: BLE001 - without a comparison releases stop by themselves
                log.error("clocks_not_compared", error)
                await asyncio.sleep(_COMPARE_CLOCKS_EVERY)

    async def end_holdings() -> None:
        await every(5, lambda: holdings.sweep(service.db, clock.now()), "holdings_run_out")

    async def let_drafts_die() -> None:
        await every(60, lambda: dossier_cases.let_drafts_die(service.db, clock.now()), "drafts_dead")

    service.background += [compare_clocks, end_holdings, let_drafts_die]


if __name__ == "__main__":
    main(lambda: compose(Settings.from_environment()))
