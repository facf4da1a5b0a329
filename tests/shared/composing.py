"""Gives a made-up service a real database of its own and settings that lead there."""

import secrets
import string
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from infra.embedded.stack import Stack
from shared.migrations import migrate
from shared.settings import ServiceSettings
from tests.shared.credentials import make_values


async def make_service_settings(stack: Stack, folder: Path, *services: str, migrated: bool = True) -> ServiceSettings:
    """Make the database of a service with a new name, and its settings; `services` are those it trusts."""
    name = "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))

    class Settings(ServiceSettings):
        model_config = SettingsConfigDict(env_prefix=f"{name.upper()}_")

    database = (await stack.postgres.ensure_databases(name))[name]
    if migrated:
        await migrate(database.owner, name)
    values = make_values(folder, name, *services)
    values["database_url"] = database.service
    return Settings(**values)
