"""Completes realm.json with the people, their secrets and the one client that is registered: the gateway."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from infra.simulators.personas import Account, Persona
from infra.simulators.vneid.claims import dialect_a

SECOND_FACTOR_FROM = 3
"""The level of login (acr) that a password alone does not reach."""

_TEMPLATE = Path(__file__).with_name("realm.json")


@dataclass(frozen=True)
class PersonasSecrets:
    """What every persona logs in with: random, made at the first start of a stack."""

    password: str
    shared_by_phone: str

    @classmethod
    def of_bytes(cls, secret: bytes) -> "PersonasSecrets":
        """Make both from random bytes, in letters that can be typed."""
        letters = base64.urlsafe_b64encode(secret).decode().rstrip("=")
        return cls(letters[:20], letters[20:])

    @classmethod
    def of_text(cls, text: str) -> "PersonasSecrets":
        """Read what `text` wrote."""
        password, app = text.split()
        [shared] = parse_qs(urlsplit(app).query)["secret"]
        return cls(password, base64.b32decode(shared + "=" * (-len(shared) % 8)).decode())

    def text(self) -> str:
        """Write them for people: a line with the password, and one for an authenticator app (otpauth)."""
        shared = base64.b32encode(self.shared_by_phone.encode()).decode().rstrip("=")
        return f"{self.password}\notpauth://totp/motlan?secret={shared}&algorithm=SHA256&digits=6&period=30\n"

    def code(self) -> str:
        """Return what a persona's phone shows now (RFC 6238)."""
        return (
            TOTP(self.shared_by_phone.encode(), 6, SHA256(), 30, enforce_key_length=False)
            .generate(time.time())
            .decode()
        )


def realm(
    people: Mapping[str, Persona], secrets: PersonasSecrets, *, gateway_keys: Mapping[str, Any], redirect_uri: str
) -> dict[str, Any]:
    """Return the realm as Keycloak imports it; its client is the gateway, by its public keys (a JWK Set)."""
    whole: dict[str, Any] = json.loads(_TEMPLATE.read_text("utf-8"))
    [gateway] = whole["clients"]
    gateway["redirectUris"] = [redirect_uri]
    gateway["attributes"]["jwks.string"] = json.dumps(gateway_keys)
    whole["users"] = [
        _user(name, person, person.account, secrets) for name, person in people.items() if person.account is not None
    ]
    return whole


def _user(name: str, person: Persona, account: Account, secrets: PersonasSecrets) -> dict[str, Any]:
    told = dialect_a(person, account, "")
    return {
        "id": account.sub,
        "username": name,
        "enabled": not account.locked,
        "attributes": {claim: [value] for claim, value in told.items() if isinstance(value, str) and value},
        "credentials": [{"type": "password", "value": secrets.password}, *_second_factor(account, secrets)],
    }


def _second_factor(account: Account, secrets: PersonasSecrets) -> list[dict[str, str]]:
    if account.auth_level < SECOND_FACTOR_FROM:
        return []
    how = {"subType": "totp", "digits": 6, "counter": 0, "period": 30, "algorithm": "HmacSHA256"}
    known = {"value": secrets.shared_by_phone}
    return [{"type": "otp", "secretData": json.dumps(known), "credentialData": json.dumps(how)}]
