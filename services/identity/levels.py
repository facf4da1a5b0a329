"""How firmly a citizen must have logged in, and once enrolled, for each service: configuration, not code."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from services.identity.domain.flow import Purpose, PushedRequest
from services.identity.domain.login import Levels

DEFAULT = Levels(auth_level=2, account_level=2)


class _Levels(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    auth_level: Annotated[int, Field(ge=1, le=4)]
    account_level: Annotated[int, Field(ge=1, le=2)]


_FILE = TypeAdapter(dict[str, _Levels])


class LevelTable:
    """The least of both levels, by procedure code, `self_service` or `default`."""

    def __init__(self, levels: Mapping[str, Levels] | None = None) -> None:
        self._levels = {"default": DEFAULT, **(levels or {})}

    @classmethod
    def load(cls, path: Path | None) -> "LevelTable":
        """Read the file, if there is one. Raises pydantic.ValidationError."""
        if path is None:
            return cls()
        read = _FILE.validate_python(yaml.safe_load(path.read_text("utf-8")))
        return cls({name: Levels(each.auth_level, each.account_level) for name, each in read.items()})

    def least_for(self, request: PushedRequest) -> Levels:
        """Return what a login for this request must reach."""
        name = request.procedure if request.purpose is Purpose.PROCEDURE else Purpose.SELF_SERVICE.value
        return self._levels.get(str(name), self._levels["default"])
