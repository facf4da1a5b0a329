"""Puts the simulators together under one port: /vneid, /registries, /city; hostile when a seed is given."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from infra.simulators.city_system.app import make_city_system
from infra.simulators.faults import Faults
from infra.simulators.hostile import Hostile
from infra.simulators.keys import load_or_make, load_public
from infra.simulators.personas import Persona, load_personas
from infra.simulators.registries.app import make_registries
from infra.simulators.registries.registers import load_registers
from infra.simulators.settings import Settings
from infra.simulators.vneid.app import make_vneid
from infra.simulators.vneid.clients import Client
from infra.simulators.vneid.keys import SigningKeys
from shared import clock


def make_simulators(settings: Settings, now: Callable[[], datetime] = clock.now) -> ASGIApp:
    """Return one app with all simulators; keys that miss are made in `settings.keys_dir`."""
    people, keys = load_personas(), SigningKeys(load_or_make(settings.keys_dir / "vneid-signing.pem"))
    faults = None if settings.faults is None else Faults(settings.faults, settings.faults_kinds)

    async def dealt(request: Request) -> Response:
        return JSONResponse([asdict(each) for each in faults.dealt] if faults else [])

    calm = Starlette(
        routes=[
            Mount("/vneid", _vneid(settings, keys, people, now)),
            Mount("/city", _city(settings, now)),
            Mount("/registries", make_registries(load_registers(people), now)),
            Route("/faults", dealt),
        ]
    )
    return Hostile(calm, faults, rotate=keys.rotate) if faults else calm


def _city(settings: Settings, now: Callable[[], datetime]) -> Starlette:
    return make_city_system(
        settings.public_origin, settings.gateway_origin, settings.keys_dir, now, ca_file=settings.ca_file
    )


def _vneid(
    settings: Settings, keys: SigningKeys, people: Mapping[str, Persona], now: Callable[[], datetime]
) -> Starlette:
    gateway = Client(
        client_id=settings.vneid_client_id,
        name="Một Lần – thành phố Hải Phòng",
        key=load_public(settings.keys_dir / "vneid-client.pem"),
        redirect_uris=frozenset({settings.gateway_origin + settings.vneid_redirect_path}),
    )
    return make_vneid(settings.vneid_issuer, keys, {gateway.client_id: gateway}, people, now)
