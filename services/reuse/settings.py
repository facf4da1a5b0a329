"""What reuse is told from outside."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, FilePath
from pydantic_settings import SettingsConfigDict

from shared.settings import JSON_ARRAY, SecureUrl, ServiceSettings


class Settings(ServiceSettings):
    """Reuse's own settings beside those every service has."""

    model_config = SettingsConfigDict(env_prefix="REUSE_")

    release_key_file: FilePath
    """EC P-256 private key (PEM) that signs releases; its public half is at /reuse/jwks."""
    published_keys_file: FilePath | None = None
    """JWK Set that is published beside it: the next key, and former ones whose signatures are still to be verified."""
    kek_file: FilePath
    """32 bytes that wrap each citizen's data key."""
    other_kek_files: Annotated[tuple[FilePath, ...], JSON_ARRAY] = ()
    """JSON array: the next such key and former ones, while data keys are still wrapped with them (`rewrap-keys`)."""
    registries_url: SecureUrl
    """Where the registries are found: `<url>/population/queries` and so on."""
    lease_seconds: float = Field(default=3.0, gt=0, le=60)
    """L (architecture §6): how long a word of consent is relied on. Consent must be told the same."""
    skew_seconds: float = Field(default=0.5, gt=0, le=10)
    """S: the largest difference tolerated between this database's clock and that of consent's."""
    commit_allowance_seconds: float = Field(default=1.0, ge=0, le=10)
    """C: what a commit may take within the lease."""
    unsealed_bound_minutes: float = Field(default=30.0, gt=0)
    """How old an event of ours may get without being in the log before releasing stops."""
    draft_days: int = Field(default=30, ge=1, le=365)
    """How long a dossier lives that is never received (R3)."""

    @property
    def own_url(self) -> str:
        """The issuer of releases, and the audience of access tokens for reuse."""
        return f"{self.public_origin}/reuse"

    @property
    def draft_life(self) -> timedelta:
        """How long a draft lives."""
        return timedelta(days=self.draft_days)
