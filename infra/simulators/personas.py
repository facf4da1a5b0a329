"""The people of the simulated world, shared by VNeID and the registries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from shared.languages import Words

Pin = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
BirthDate = Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d{2}-\d{2})?$")]


_COMMUNES = {"11602": "phường Hồng An", "11329": "phường Ngô Quyền"}


class _Fixed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Home(_Fixed):
    """An address in the city: the street and the commune's code."""

    street: str
    commune: Literal["11602", "11329"]

    @property
    def formatted(self) -> str:
        """Return the address as one line."""
        return f"{self.street}, {_COMMUNES[self.commune]}, thành phố Hải Phòng"


class Account(_Fixed):
    """A VNeID account: how she enrolled (`account_level`) and how strongly she logs in (`auth_level`)."""

    sub: str
    tech_id: str
    account_level: Literal[1, 2]
    auth_level: Literal[1, 2, 3, 4]
    refuses: bool = False
    gives_up: bool = False
    """She puts the telephone away instead of answering."""
    locked: bool = False
    """Her e-identity is locked or revoked: VNeID refuses whatever she presses."""


class Persona(_Fixed):
    """One person; without an `account` only the registries know her."""

    label: Words
    pin: Pin
    former_pin: Pin | None = None
    """The number that was cancelled when this one was issued; registers but the population one may know only it."""
    full_name: str
    birth_date: BirthDate
    sex: Literal["female", "male"]
    nationality: str = "VN"
    permanent: Home
    current: Home | None = None
    marital_status: Literal["single", "married", "divorced", "widowed"] | None = None
    ethnicity: str | None = None
    religion: str | None = None
    phone: str | None = None
    email: str | None = None
    account: Account | None = None


_FILE = Path(__file__).with_name("personas.yaml")
_PEOPLE = TypeAdapter(dict[str, Persona])


def load_personas(path: Path = _FILE) -> Mapping[str, Persona]:
    """Read the people by name (`mother`, `shop_owner`, …); a file that does not fit raises `ValidationError`."""
    return _PEOPLE.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
