"""What identity is told from outside."""

from typing import Annotated, Literal

from pydantic import Field, FilePath
from pydantic_settings import SettingsConfigDict

from shared.settings import JSON_ARRAY, SecureUrl, ServiceSettings


class Settings(ServiceSettings):
    """Identity's own settings beside those every service has."""

    model_config = SettingsConfigDict(env_prefix="IDENTITY_")

    token_key_file: FilePath
    """RSA private key (PEM) that signs access tokens (PS256); its public half is at /identity/jwks."""
    published_keys_file: FilePath | None = None
    """JWK Set that is published beside it: the next key, and former ones whose signatures are still to be verified."""
    kek_file: FilePath
    """32 bytes: wraps the data key of every citizen."""
    other_kek_files: Annotated[tuple[FilePath, ...], JSON_ARRAY] = ()
    """JSON array: the next such key and former ones, while data keys are still wrapped with them (`rewrap-keys`)."""
    index_key_file: FilePath
    """32 bytes: keys the hash under which a personal number is found."""
    clients_file: FilePath
    """YAML: the calling systems, their keys, addresses and mandates (see README.md)."""
    vneid_issuer: SecureUrl
    vneid_client_id: str = Field(min_length=1, max_length=200)
    vneid_client_key_file: FilePath
    """EC P-256 private key (PEM) by which VNeID knows us (private_key_jwt)."""
    vneid_dialect: Literal["a"] = "a"
    """How VNeID words its claims; `b` has its place in clients/vneid/dialect.py."""
    vneid_algorithm: Literal["ES256", "PS256", "RS256"] = "ES256"
    """The one algorithm id_tokens are signed with, whatever the provider's metadata offer."""
    levels_file: FilePath | None = None
    """YAML: the least `auth_level` and `account_level` by procedure code, `self_service` or `default`."""
    pin_places: Annotated[frozenset[Annotated[str, Field(pattern="^[0-9]{3}$")]], JSON_ARRAY] = frozenset()
    """JSON array: the place codes a number shown at the counter may begin with; empty for any."""

    @property
    def vneid_redirect_uri(self) -> str:
        """Where VNeID sends the browser back to, as registered there."""
        return f"{self.issuer}/vneid/callback"
