"""What audit is told from outside."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The log's own settings beside those every service has."""

    model_config = SettingsConfigDict(env_prefix="AUDIT_")

    log_key_file: Path
    """Ed25519 private key (PEM) that signs checkpoints."""
    log_origin: str = Field(default="motlan.haiphong/log", pattern=r"^[^\s+]{1,200}$")
    """The log's name in checkpoints, for its life: another origin is another log."""
    omission_bound_seconds: float = Field(default=60, gt=0)
    """A hole in a source's numbers that lasts longer raises an alarm."""
