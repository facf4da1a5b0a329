"""The whole system with Keycloak in VNeID's place, once a session: nothing differs but identity's settings."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from infra.demo.cast import Cast, cast_on
from infra.demo.stage import stage_of
from infra.embedded.environment import Ports
from infra.embedded.keycloak import Keycloak
from infra.embedded.keyring import Keyring
from infra.embedded.laptop import laptop
from infra.embedded.processes import free_ports
from infra.keycloak.realm import PersonasSecrets, realm
from infra.simulators.personas import load_personas
from shared.keys import SigningKey, jwks

FORGOT_HER_PHONE = "reissued"
"""Her account is of level 3, but has lost its second factor: what she does at the login page reaches level 2."""


@dataclass(frozen=True)
class Elsewhere:
    """The system, and the provider that its people log in at."""

    keycloak: Keycloak
    cast: Cast


@pytest.fixture(scope="session")
async def elsewhere() -> AsyncGenerator[Elsewhere]:
    """Run everything, empty, with Keycloak as the provider."""
    *numbers, port = free_ports(len(Ports.__dataclass_fields__) + 1)
    ports = Ports(*numbers)
    with TemporaryDirectory(prefix="motlan-keycloak-") as directory:
        data = Path(directory)
        keyring = Keyring(data / "keys")
        secrets = PersonasSecrets.of_bytes(keyring.secret("personas").read_bytes())
        password = keyring.secret("keycloak").read_bytes().hex()
        keycloak = await Keycloak.start(
            data / "keycloak", port, realm=_realm(keyring, ports, secrets), password=password
        )
        try:
            async with (
                laptop(data, ports, provider={"VNEID_ISSUER": keycloak.issuer}) as running,
                cast_on(replace(stage_of(running), keycloak=secrets), running) as cast,
            ):
                yield Elsewhere(keycloak, cast)
        finally:
            await keycloak.stop()


def _realm(keyring: Keyring, ports: Ports, secrets: PersonasSecrets) -> dict[str, Any]:
    known = jwks([SigningKey.load(keyring.p256("vneid-client"))])
    callback = f"{ports.origin}/identity/vneid/callback"
    whole = realm(load_personas(), secrets, gateway_keys=known, redirect_uri=callback)
    for user in whole["users"]:
        if user["username"] == FORGOT_HER_PHONE:
            user["credentials"] = [each for each in user["credentials"] if each["type"] == "password"]
    return whole
