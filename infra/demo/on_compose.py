"""`make demo STACK=compose`: the same story on containers, through their edge over TLS; empty before, gone after."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.compose.project import Project, project_of
from infra.compose.vault import PERSONAS_AT_KEYCLOAK
from infra.demo.stage import Stage
from infra.embedded.processes import free_ports
from infra.keycloak.realm import PersonasSecrets


@contextmanager
def stack_of_its_own() -> Generator[Stage]:
    """Bring up a stack beside whatever else runs, and take it down with its volumes. Raises CommandFailed."""
    project = replace(project_of(os.environ), name="motlan-demo", edge_port=free_ports(1)[0])
    project.run("down", "--volumes", "--remove-orphans")
    try:
        project.start()
        with stage_on(project) as stage:
            yield stage
    finally:
        project.run("down", "--volumes", "--remove-orphans")


@contextmanager
def stage_on(project: Project) -> Generator[Stage]:
    """Play on a stack that runs, and is empty."""
    with TemporaryDirectory(prefix="motlan-keys-") as directory:
        keys = Path(directory)
        project.copy_out("people/.", keys)
        project.copy_out("vault/audit-log.pem", keys)
        at_keycloak = PersonasSecrets.of_text((keys / PERSONAS_AT_KEYCLOAK).read_text("utf-8"))
        yield Stage(
            gateway=project.gateway,
            simulators=project.simulators,
            clients=keys,
            auditor_keys=keys / "auditor-keys.json",
            log_key=keys / "audit-log.pem",
            ca_file=keys / "edge-ca.crt",
            keycloak=at_keycloak if "keycloak" in project.profiles else None,
        )
