"""What the simulators are told at their start, by environment (`SIMULATORS_…`) or arguments (`--port 8090`)."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Frozen; origins are without a trailing slash."""

    model_config = SettingsConfigDict(env_prefix="SIMULATORS_", frozen=True, cli_kebab_case=True)

    keys_dir: Path
    host: str = "127.0.0.1"
    port: int = 8090
    public_origin: str = "http://localhost:8090"
    gateway_origin: str = "http://localhost:8080"
    vneid_client_id: str = "motlan-haiphong"
    vneid_redirect_path: str = "/identity/vneid/callback"

    @property
    def vneid_issuer(self) -> str:
        """VNeID's issuer identifier."""
        return f"{self.public_origin}/vneid"
