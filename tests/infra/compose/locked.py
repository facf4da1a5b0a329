"""One broker that is told what the compose stack's are: who may speak, and who may do what."""

from pathlib import Path

from infra.compose.brokers import BROKER, TOPICS, Place, server_properties
from infra.compose.rights import SPECTATOR
from infra.compose.vault import Vault
from infra.embedded.broker import Broker, Listening
from infra.topics import SERVICES
from shared.kafka import Login

HERE = "127.0.0.1"


def make_vault(directory: Path) -> Vault:
    return Vault(
        directory,
        gateway="https://motlan.localhost:8443",
        simulators="https://simulators.localhost:8443",
        edge=["motlan.localhost", "simulators.localhost"],
        brokers=[HERE],
    )


def login(vault: Vault, user: str, directory: Path) -> Login:
    files = vault.kafka_login(user)
    ca = directory / "ca.crt"
    ca.write_bytes(files["kafka-ca.crt"])
    return Login(user, files["kafka-password"].decode(), ca)


class LockedBroker(Broker):
    """The embedded broker, with the compose stack's configuration on loopback."""

    def __init__(self, home: Path, at: Listening, vault: Vault) -> None:
        super().__init__(home, 1, [at])
        self._vault = vault

    def _properties(self) -> str:
        for name, content in self._vault.broker_certificate(HERE).items():
            (self._home / name).write_bytes(content)
        passwords = {who: self._vault.password(f"kafka-{who}") for who in (BROKER, TOPICS, SPECTATOR, *SERVICES)}
        place = Place(HERE, self._at.port, self._at.controller_port)
        return server_properties(1, [place], passwords, config=str(self._home), data=str(self._home / "logs"))
