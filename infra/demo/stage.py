"""Where a story plays: the gateway and the simulators it speaks to, and the keys of those who take part."""

from dataclasses import dataclass
from pathlib import Path

from infra.embedded.laptop import Laptop
from infra.keycloak.realm import PersonasSecrets


@dataclass(frozen=True)
class Stage:
    """Two origins, the keys of each city system, what an auditor has, and what she has not."""

    gateway: str
    simulators: str
    clients: Path
    """The directory with a `client-<id>.pem` of each."""
    auditor_keys: Path
    log_key: Path
    """The log's own key: an operator of the story lies with it."""
    ca_file: Path | None = None
    """Who vouches for the origins, beside the public authorities."""
    keycloak: PersonasSecrets | None = None
    """What everybody logs in with, where Keycloak is in VNeID's place."""

    def client_key(self, client_id: str) -> Path:
        """Return where a city system's private key lies."""
        return self.clients / f"client-{client_id}.pem"


def stage_of(laptop: Laptop) -> Stage:
    """Return the stage on this machine's own processes."""
    keys = laptop.keyring
    return Stage(
        gateway=laptop.ports.origin,
        simulators=laptop.ports.simulators_origin,
        clients=keys.directory,
        auditor_keys=keys.auditor_keys(),
        log_key=keys.ed25519("audit-log"),
    )
