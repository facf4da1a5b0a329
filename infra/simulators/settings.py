"""What the simulators are told at their start, by environment (`SIMULATORS_…`) or arguments (`--port 8090`)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.simulators.faults import Kind


class Settings(BaseSettings):
    """Frozen; origins are without a trailing slash."""

    model_config = SettingsConfigDict(env_prefix="SIMULATORS_", frozen=True, cli_kebab_case=True, populate_by_name=True)

    keys_dir: Path
    host: str = "127.0.0.1"
    port: int = 8090
    public_origin: str = "http://localhost:8090"
    gateway_origin: str = "http://localhost:8080"
    ca_file: Path | None = None
    """PEM: authorities that may vouch for the gateway, beside the public ones."""
    vneid_client_id: str = "motlan-haiphong"
    vneid_redirect_path: str = "/identity/vneid/callback"
    faults: int | None = Field(default=None, validation_alias="FAULTS")
    """The seed of misbehaviour; without one there is none."""
    faults_kinds: Annotated[frozenset[Kind], NoDecode] = Field(default=frozenset(Kind), validation_alias="FAULTS_KINDS")
    """Which kinds of it, with commas between; all if none is named."""

    @field_validator("faults", mode="before")
    @classmethod
    def _no_seed(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("faults_kinds", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (value.split(",") if value else frozenset(Kind)) if isinstance(value, str) else value

    @property
    def vneid_issuer(self) -> str:
        """VNeID's issuer identifier."""
        return f"{self.public_origin}/vneid"
