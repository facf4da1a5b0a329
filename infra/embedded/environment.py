"""Says where everything of a laptop's stack lies: ports, addresses, and the environment each process is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.keyring import LOG_ORIGIN, SERVICES, Keyring

ROOT = Path(__file__).parent.parent.parent
VNEID_CLIENT_ID = "motlan-haiphong"


@dataclass(frozen=True)
class Ports:
    """Loopback ports. `edge` and `simulators` are for people; the others for calls inside, PostgreSQL and Kafka."""

    edge: int = 8080
    simulators: int = 8090
    identity: int = 8101
    consent: int = 8102
    reuse: int = 8103
    audit: int = 8104
    postgres: int = 8105
    kafka: int = 8106
    kafka_controller: int = 8107

    @property
    def origin(self) -> str:
        """The gateway's public origin."""
        return f"http://localhost:{self.edge}"

    @property
    def simulators_origin(self) -> str:
        """Where VNeID, the registries and the city system are played."""
        return f"http://localhost:{self.simulators}"

    def inside(self, service: str) -> str:
        """Return the address at which other services call one."""
        return f"http://127.0.0.1:{getattr(self, service)}"


def service_environments(
    ports: Ports, keyring: Keyring, *, databases: Mapping[str, str], kafka: str, clients_file: Path
) -> dict[str, dict[str, str]]:
    """Return for each service the settings it starts with, as environment variables."""
    own = _own_settings(ports, keyring, clients_file)
    common = {
        "KAFKA_BOOTSTRAP": kafka,
        "PUBLIC_ORIGIN": ports.origin,
        "TRUST_FILE": str(keyring.trust()),
        "CONTRACTS_DIR": str(ROOT / "contracts"),
        **{f"{name.upper()}_URL": ports.inside(name) for name in SERVICES},
    }
    return {
        name: {
            f"{name.upper()}_{key}": value
            for key, value in {
                **common,
                "DATABASE_URL": databases[name],
                "LISTEN_PORT": str(getattr(ports, name)),
                "SERVICE_KEY_FILE": str(keyring.ed25519(name)),
                **own[name],
            }.items()
        }
        for name in SERVICES
    }


def _own_settings(ports: Ports, keyring: Keyring, clients_file: Path) -> dict[str, dict[str, str]]:
    return {
        "identity": {
            "TOKEN_KEY_FILE": str(keyring.rsa("identity-token")),
            "KEK_FILE": str(keyring.secret("identity-kek")),
            "INDEX_KEY_FILE": str(keyring.secret("identity-index")),
            "VNEID_ISSUER": f"{ports.simulators_origin}/vneid",
            "VNEID_CLIENT_ID": VNEID_CLIENT_ID,
            "VNEID_CLIENT_KEY_FILE": str(keyring.p256("vneid-client")),
            "CLIENTS_FILE": str(clients_file),
        },
        "consent": {
            "RECEIPT_KEY_FILE": str(keyring.p256("consent-receipt")),
            "SELF_SERVICE_CLIENT_KEY_FILE": str(keyring.p256("client-consent")),
        },
        "reuse": {
            "RELEASE_KEY_FILE": str(keyring.p256("reuse-release")),
            "KEK_FILE": str(keyring.secret("reuse-kek")),
            "REGISTRIES_URL": f"{ports.simulators_origin}/registries",
        },
        "audit": {"LOG_KEY_FILE": str(keyring.ed25519("audit-log")), "LOG_ORIGIN": LOG_ORIGIN},
    }
