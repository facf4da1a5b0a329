"""Holds every key and password of a compose stack; made at the first start, kept from then on, none a default."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from infra.compose.authority import Authority
from infra.embedded.keyring import SERVICES, Keyring
from infra.embedded.registrations import read_registrations
from infra.keycloak.realm import PersonasSecrets, realm
from infra.simulators.personas import load_personas
from shared import clock
from shared.keys import SigningKey, jwks

PERSONAS_AT_KEYCLOAK = "personas-at-keycloak.txt"


class Vault:
    """A directory that nobody but its maker reads. Every method returns the content of files by their names."""

    def __init__(self, directory: Path, *, gateway: str, simulators: str, edge: list[str], brokers: list[str]) -> None:
        """`gateway` and `simulators` are origins; `edge` and `brokers` the names that the two authorities vouch for."""
        self._keys, self._gateway, now = Keyring(directory), gateway, clock.now()
        self._registered = read_registrations(gateway=gateway, simulators=simulators)
        self._edge_names = edge
        self._edge = Authority(self._keys, "edge", names=edge, now=now)
        self._brokers = Authority(self._keys, "kafka", names=brokers, now=now)

    def password(self, of: str) -> str:
        """Return the password of a role or user: 64 hexadecimal digits, which may stand in any file or statement."""
        return self._keys.secret(f"password-{of}").read_bytes().hex()

    def database_passwords(self) -> dict[str, bytes]:
        """Return those of all roles."""
        roles = ["postgres", *SERVICES, *(f"{name}_owner" for name in SERVICES)]
        return {"passwords.json": json.dumps({role: self.password(f"database-{role}") for role in roles}).encode()}

    def database_login(self, role: str, name: str = "database-password") -> dict[str, bytes]:
        """Return the password of one role."""
        return {name: self.password(f"database-{role}").encode()}

    def kafka_login(self, user: str) -> dict[str, bytes]:
        """Return what a user of the brokers needs: a password, and by which authority to know them."""
        return {"kafka-password": self.password(f"kafka-{user}").encode(), "kafka-ca.crt": self._read_ca(self._brokers)}

    def service_key(self, service: str) -> dict[str, bytes]:
        """Return a service's own key, and everybody's public ones."""
        own = self._keys.ed25519(service).read_bytes()
        return {f"{service}.pem": own, "trust.json": self._keys.trust().read_bytes()}

    def p256(self, *names: str) -> dict[str, bytes]:
        """Return EC keys (PEM)."""
        return {f"{name}.pem": self._keys.p256(name).read_bytes() for name in names}

    def p256_public(self, name: str) -> dict[str, bytes]:
        """Return the public half of an EC key (PEM)."""
        public = load_pem_private_key(self._keys.p256(name).read_bytes(), None).public_key()
        return {f"{name}.pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)}

    def rsa(self, name: str) -> dict[str, bytes]:
        """Return an RSA key (PEM)."""
        return {f"{name}.pem": self._keys.rsa(name).read_bytes()}

    def ed25519(self, name: str) -> dict[str, bytes]:
        """Return an Ed25519 key (PEM)."""
        return {f"{name}.pem": self._keys.ed25519(name).read_bytes()}

    def symmetric(self, *names: str) -> dict[str, bytes]:
        """Return keys of 32 bytes."""
        return {f"{name}.bin": self._keys.secret(name).read_bytes() for name in names}

    def clients(self) -> dict[str, bytes]:
        """Return the registrations of the city systems."""
        return {"clients.yaml": self._keys.clients(self._registered).read_bytes()}

    def city_systems(self) -> dict[str, bytes]:
        """Return the private keys of the city systems, who in this stack are played."""
        names = (str(each["client_id"]) for each in self._registered if each.get("kind") != "first_party")
        return self.p256(*(f"client-{name}" for name in names))

    def auditor_keys(self) -> dict[str, bytes]:
        """Return what an auditor verifies bundles with."""
        return {"auditor-keys.json": self._keys.auditor_keys().read_bytes()}

    def keycloak(self) -> dict[str, bytes]:
        """Return the realm that Keycloak begins with, and its operator's password."""
        known = jwks([SigningKey.load(self._keys.p256("vneid-client"))])
        people, callback = load_personas(), f"{self._gateway}/identity/vneid/callback"
        begun = realm(people, self._personas(), gateway_keys=known, redirect_uri=callback)
        return {"realm.json": json.dumps(begun).encode(), "admin-password": self.password("keycloak").encode()}

    def personas_at_keycloak(self) -> dict[str, bytes]:
        """Return what every persona logs in with there: a password, and the secret of an authenticator app."""
        return {PERSONAS_AT_KEYCLOAK: self._personas().text().encode()}

    def _personas(self) -> PersonasSecrets:
        return PersonasSecrets.of_bytes(self._keys.secret("personas").read_bytes())

    def edge_authority(self) -> dict[str, bytes]:
        """Return by whom to know the edge."""
        return {"edge-ca.crt": self._read_ca(self._edge)}

    def edge_certificate(self) -> dict[str, bytes]:
        """Return who the edge is, key and certificate in one file as HAProxy reads them."""
        certificate = self._edge.vouch("edge", self._edge_names).read_bytes()
        return {"edge.pem": self._keys.p256("edge").read_bytes() + certificate}

    def broker_certificate(self, host: str, *also: str) -> dict[str, bytes]:
        """Return who a broker is, key and certificate in one file as Kafka reads them, and by whom to know others."""
        certificate = self._brokers.vouch(host, [host, *also]).read_bytes()
        key = self._keys.p256(host).read_bytes()
        return {"keystore.pem": key + certificate, "ca.crt": self._read_ca(self._brokers)}

    def _read_ca(self, authority: Authority) -> bytes:
        return authority.certificate_file.read_bytes()
