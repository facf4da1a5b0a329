"""Makes every key and registration of a laptop's stack at its first start; none is ever committed or a default."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.audit.domain.note import NoteKey
from shared.keys import ServiceKey, SigningKey, jwks

SERVICES = ("identity", "consent", "reuse", "audit")
LOG_ORIGIN = "motlan.haiphong/log"

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Keyring:
    """A directory of keys, readable by its owner alone; what is there is kept, what misses is made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def ed25519(self, name: str) -> Path:
        """Return the file of an Ed25519 key (events and inside calls, the log)."""
        return self._private(name, ed25519.Ed25519PrivateKey.generate)

    def p256(self, name: str) -> Path:
        """Return the file of an EC P-256 key (receipts, releases, OAuth clients)."""
        return self._private(name, lambda: ec.generate_private_key(ec.SECP256R1()))

    def rsa(self, name: str) -> Path:
        """Return the file of an RSA key (access tokens: the cheapest to verify)."""
        return self._private(name, lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048))

    def secret(self, name: str) -> Path:
        """Return the file of 32 random bytes (field encryption, blind index)."""
        return self._write_once(f"{name}.bin", lambda: secrets.token_bytes(32))

    def trust(self) -> Path:
        """Return the file from which services know each other's public keys: {service: JWKS}."""
        known = {name: jwks([ServiceKey.load(self.ed25519(name))]) for name in SERVICES}
        return self._write("trust.json", json.dumps(known, indent=1).encode())

    def auditor_keys(self) -> Path:
        """Return the file an auditor verifies bundles with: the log's key and every source's."""
        log = NoteKey.of_pem(LOG_ORIGIN, self.ed25519("audit-log").read_bytes()).verifier
        known = {"log": str(log), "sources": json.loads(self.trust().read_text("utf-8"))}
        return self._write("auditor-keys.json", json.dumps(known, indent=1).encode())

    @property
    def environments_file(self) -> Path:
        """Where `environments` writes."""
        return self.directory / "environments.json"

    def environments(self, settings: Mapping[str, Mapping[str, str]]) -> Path:
        """Return the file from which an operator's commands take the settings that the services run with."""
        return self._write(self.environments_file.name, json.dumps(settings, indent=1).encode())

    def clients(self, registrations: Sequence[Mapping[str, Any]]) -> Path:
        """Return the file of client registrations, each with the public half of its own key here."""
        complete = [
            {**client, "jwks": jwks([SigningKey.load(self.p256(f"client-{client['client_id']}"))])}
            for client in registrations
        ]
        return self._write("clients.yaml", yaml.safe_dump({"clients": complete}, allow_unicode=True).encode())

    def _private(self, name: str, generate: Callable[[], PrivateKey]) -> Path:
        def pem() -> bytes:
            return generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

        return self._write_once(f"{name}.pem", pem)

    def _write_once(self, name: str, content: Callable[[], bytes]) -> Path:
        path = self.directory / name
        return path if path.exists() else self._write(name, content())

    def _write(self, name: str, content: bytes) -> Path:
        """Write a file that is there whole or not at all, whenever we are killed."""
        path, draft = self.directory / name, self.directory / f".{name}.draft"
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        draft.replace(path)
        return path
