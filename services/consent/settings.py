"""What consent is told from outside."""

from pydantic import Field, FilePath
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Consent's own settings beside those every service has."""

    model_config = SettingsConfigDict(env_prefix="CONSENT_")

    receipt_key_file: FilePath
    """EC P-256 private key (PEM) that signs receipts; its public half is at /consent/jwks."""
    published_keys_file: FilePath | None = None
    """JWK Set that is published beside it: the next key, and former ones whose signatures are still to be verified."""
    self_service_client_key_file: FilePath
    """EC P-256 private key (PEM) of the OAuth client `consent`, for the citizen's login to her own pages."""
    lease_seconds: float = Field(default=3.0, gt=0, le=60)
    """L of the withdrawal protocol: `reuse` never relies on a grant for longer. Both services must be told the same."""

    @property
    def own_url(self) -> str:
        """Where consent is found by browsers, and the audience of its access tokens."""
        return f"{self.public_origin}/consent"
