"""Puts the simulators together under one port: /vneid, /registries, /city."""

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import Mount

from infra.simulators.city_system.app import make_city_system
from infra.simulators.keys import load_or_make, load_public
from infra.simulators.mood import Calm, Mood
from infra.simulators.personas import Persona, load_personas
from infra.simulators.registries.app import make_registries
from infra.simulators.registries.registers import load_registers
from infra.simulators.settings import Settings
from infra.simulators.vneid.app import make_vneid
from infra.simulators.vneid.clients import Client
from shared import clock


def make_simulators(settings: Settings, now: Callable[[], datetime] = clock.now) -> Starlette:
    """Return one app with all simulators, in the calm mood; keys that miss are made in `settings.keys_dir`."""
    mood, people = Calm(), load_personas()
    return Starlette(
        routes=[
            Mount("/vneid", _vneid(settings, people, mood, now)),
            Mount("/city", _city(settings, now)),
            Mount("/registries", make_registries(load_registers(people), mood, now)),
        ]
    )


def _city(settings: Settings, now: Callable[[], datetime]) -> Starlette:
    return make_city_system(settings.public_origin, settings.gateway_origin, settings.keys_dir, now)


def _vneid(settings: Settings, people: Mapping[str, Persona], mood: Mood, now: Callable[[], datetime]) -> Starlette:
    gateway = Client(
        client_id=settings.vneid_client_id,
        name="Một Lần – thành phố Hải Phòng",
        key=load_public(settings.keys_dir / "vneid-client.pem"),
        redirect_uris=frozenset({settings.gateway_origin + settings.vneid_redirect_path}),
    )
    signing_key = load_or_make(settings.keys_dir / "vneid-signing.pem")
    clients = {gateway.client_id: gateway}
    return make_vneid(settings.vneid_issuer, signing_key, clients, people, mood, now)
