"""What each reader of the compose stack's secrets is given: its own keys and passwords, and nobody else's."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from infra.compose.brokers import BROKER, TOPICS, Place, say_who, server_properties
from infra.compose.rights import SPECTATOR
from infra.compose.vault import Vault
from infra.topics import SERVICES

OURS, JAVA, ROOT = 10001, 1000, 0
"""Who reads: the user of our image, edge and tools; that of Kafka's and Keycloak's images; what begins as root."""

EVERY_BROKER = "brokers"
"""The name under which all brokers are found."""


@dataclass(frozen=True)
class Portion:
    """The files of one reader, readable by one user id."""

    reader: int
    files: Mapping[str, bytes] = field(repr=False)


def portions(vault: Vault, *, brokers: int) -> dict[str, Portion]:
    """Return what everybody is given, by reader: the name of a volume."""
    cluster = [Place(f"kafka-{number}") for number in range(1, brokers + 1)]
    return {
        **{name: Portion(OURS, _service(vault, name)) for name in SERVICES},
        **{place.host: Portion(JAVA, _broker(vault, number, cluster)) for number, place in enumerate(cluster, 1)},
        "simulators": Portion(OURS, _simulators(vault)),
        "edge": Portion(OURS, vault.edge_certificate()),
        "postgres": Portion(ROOT, vault.database_login("postgres", "password")),
        "databases": Portion(OURS, vault.database_passwords()),
        "topics": Portion(OURS, vault.kafka_login(TOPICS)),
        "tools": Portion(OURS, _spectator(vault)),
        "keycloak": Portion(JAVA, vault.keycloak()),
        "people": Portion(ROOT, _people(vault)),
    }


def _service(vault: Vault, name: str) -> dict[str, bytes]:
    everybodys = vault.service_key(name) | vault.database_login(name) | vault.kafka_login(name)
    match name:
        case "identity":
            own = vault.rsa("identity-token") | vault.p256("vneid-client") | vault.clients() | vault.edge_authority()
            return everybodys | own | vault.symmetric("identity-kek", "identity-index")
        case "consent":
            return everybodys | vault.p256("consent-receipt", "client-consent")
        case "reuse":
            return everybodys | vault.p256("reuse-release") | vault.symmetric("reuse-kek") | vault.edge_authority()
        case _:
            return everybodys | vault.ed25519("audit-log")


def _simulators(vault: Vault) -> dict[str, bytes]:
    """VNeID knows us by the public half of our key, as the real one does."""
    vneid = vault.p256("vneid-signing") | vault.p256_public("vneid-client")
    return vneid | vault.city_systems() | vault.edge_authority()


def _people(vault: Vault) -> dict[str, bytes]:
    return vault.city_systems() | vault.edge_authority() | vault.auditor_keys() | vault.personas_at_keycloak()


def _spectator(vault: Vault) -> dict[str, bytes]:
    """Tell the Kafka UI where the brokers are, and who it is to them."""
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.jaas.config": say_who(SPECTATOR, vault.password(f"kafka-{SPECTATOR}")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": "/run/secrets/kafka-ca.crt",
    }
    cluster = {
        "name": "motlan", "bootstrapServers": f"{EVERY_BROKER}:9092", "readOnly": True, "properties": properties,
    }  # fmt: skip
    told = yaml.safe_dump({"kafka": {"clusters": [cluster]}})
    return vault.kafka_login(SPECTATOR) | {"kafka-ui.yml": told.encode()}


def _broker(vault: Vault, number: int, cluster: list[Place]) -> dict[str, bytes]:
    passwords = {who: vault.password(f"kafka-{who}") for who in (BROKER, TOPICS, SPECTATOR, *SERVICES)}
    told = server_properties(number, cluster, passwords, config="/mnt/shared/config", data="/var/lib/kafka/data")
    host = cluster[number - 1].host
    return vault.broker_certificate(host, EVERY_BROKER) | {"server.properties": told.encode()}
