"""What the conventional build is configured with: keys as PEM, as most are."""

from dataclasses import dataclass

from shared.vault import Vault


@dataclass(frozen=True)
class Keys:
    """The issuer's public key, its own private one, and the vault."""

    issuer_public: str
    release_private: str
    release_kid: str
    vault: Vault
    origin: str
