"""One compose project: how its commands are given, where it is found, and what people take out of it."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.topics import SERVICES

ROOT = Path(__file__).parent.parent.parent
EDGE_PORT = 8443
COLLECTOR = "http://collector:4318"
"""Where the services of the profile `observability` take traces and metrics."""


class CommandFailed(Exception):
    """A docker command did not do what it was told; the message is what it said last."""


@dataclass(frozen=True)
class Project:
    """A stack by its name: another name is another stack, with volumes and a port of its own."""

    name: str = "motlan"
    edge_port: int = EDGE_PORT
    brokers: int = 1
    replicas: int = 1
    profiles: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further variables that docker-compose.yml asks for."""

    @property
    def gateway(self) -> str:
        """The gateway's public origin."""
        return f"https://motlan.localhost:{self.edge_port}"

    @property
    def simulators(self) -> str:
        """Where VNeID, the registries and the city system are played."""
        return f"https://simulators.localhost:{self.edge_port}"

    def variable(self, name: str, usual: str) -> str:
        """Return what docker-compose.yml is told for a variable, or what it takes without."""
        return self._environment().get(name) or usual

    def run(self, *arguments: str) -> None:
        """Run a compose command before the eyes of whoever waits. Raises CommandFailed."""
        if code := self._run(*arguments).returncode:
            raise CommandFailed(f"`{shlex.join([*compose_command(), *arguments])}` ended with {code}.")

    def start(self) -> None:
        """Start everything, built anew where the code is, and wait until it is healthy. Raises CommandFailed."""
        scale = [f"--scale={service}={self.replicas}" for service in SERVICES if self.replicas > 1]
        self.run("up", "--build", "--wait", "--remove-orphans", *scale)

    def read(self, *arguments: str) -> str:
        """Run a compose command and return what it prints. Raises CommandFailed."""
        done = self._run(*arguments, quiet=True)
        if done.returncode:
            raise CommandFailed(done.stderr.strip().rpartition("\n")[2])
        return done.stdout

    def copy_out(self, inside: str, to: Path) -> None:
        """Copy files that the `secrets` job has made; `people/.` are for whoever sits before the stack."""
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.read("cp", f"secrets:/secrets/{inside}", str(to))

    def _run(self, *arguments: str, quiet: bool = False) -> subprocess.CompletedProcess[str]:
        argv = [*compose_command(), "--project-name", self.name, "--file", str(ROOT / "docker-compose.yml"), *arguments]
        return subprocess.run(argv, cwd=ROOT, env=self._environment(), capture_output=quiet, text=True, check=False)

    def _environment(self) -> dict[str, str]:
        profiles = {*self.profiles, *(["cluster"] if self.brokers > 1 else [])}
        told = {"EDGE_PORT": str(self.edge_port), "BROKERS": str(self.brokers), **self.settings}
        if "observability" in profiles:
            told.setdefault("OTLP_ENDPOINT", COLLECTOR)
        if "keycloak" in profiles:
            told.setdefault("VNEID_ISSUER", f"https://keycloak.localhost:{self.edge_port}/realms/motlan")
        return {**os.environ, **told, "COMPOSE_PROFILES": ",".join(sorted(profiles))}


def compose_command() -> list[str]:
    """Return how compose is called: `COMPOSE`, for whoever has it elsewhere, else Docker's plug-in."""
    return shlex.split(os.environ.get("COMPOSE", "docker compose"))


def project_of(environment: Mapping[str, str]) -> Project:
    """Return the stack that an environment names: EDGE_PORT, BROKERS, REPLICAS (of each service), PROFILES."""
    profiles = environment.get("PROFILES", environment.get("COMPOSE_PROFILES", ""))
    return Project(
        edge_port=int(environment.get("EDGE_PORT") or EDGE_PORT),
        brokers=int(environment.get("BROKERS") or 1),
        replicas=int(environment.get("REPLICAS") or 1),
        profiles=tuple(filter(None, profiles.replace(",", " ").split())),
    )
