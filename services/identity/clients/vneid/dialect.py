"""How VNeID words its claims: a port, and one adapter for each dialect. What no adapter names is dropped here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from services.identity.clients.vneid.refusals import invalid
from services.identity.domain.login import LoginFailed, Reason
from services.identity.domain.person import BirthDate, InvalidKeys, MatchKeys, written_name

CITIZEN = "1"
"""LoaiTaiKhoan: 2 is a business, 3 an organisation, neither of which is a party of ours."""


@dataclass(frozen=True)
class ToldOfPerson:
    """What userinfo says that we need; nothing else of it is kept."""

    sub: str = field(repr=False)
    keys: MatchKeys
    account_level: int
    acr: str


class _DialectA(BaseModel):
    """VNConnect towards one-stop systems: the seven claims we take of the dozens that may come."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    sub: str = Field(min_length=1, max_length=255)
    LoaiTaiKhoan: str
    SoDinhDanh: str = Field(pattern=r"^[0-9]{12}$")
    HoVaTen: str = Field(min_length=1, max_length=200)
    NgayThangNamSinh: str = Field(pattern=r"^[0-9]{4}([0-9]{4})?$")
    IAL: str = Field(pattern=r"^[12]$")
    loAs: str = Field(pattern=r"^[1-4]$")


def read_dialect_a(claims: Mapping[str, JsonValue]) -> ToldOfPerson:
    """Read userinfo in dialect A. Raises LoginFailed: an answer that is not as agreed, or an account of no citizen."""
    try:
        told = _DialectA.model_validate(claims)
        if told.LoaiTaiKhoan != CITIZEN:
            raise LoginFailed(Reason.LEVEL_TOO_LOW)
        keys = MatchKeys(told.SoDinhDanh, written_name(told.HoVaTen), BirthDate(_iso(told.NgayThangNamSinh)))
    except (ValidationError, InvalidKeys):
        raise invalid() from None
    return ToldOfPerson(told.sub, keys, int(told.IAL), told.loAs)


def _iso(digits: str) -> str:
    """Write yyyyMMdd, or yyyy where only the year is known, as we do."""
    return digits if len(digits) == 4 else f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


Dialect = Callable[[Mapping[str, JsonValue]], ToldOfPerson]

DIALECTS: Mapping[str, Dialect] = {"a": read_dialect_a}
"""Dialect B (no id_token, encrypted envelopes) needs an adapter of the exchange too; it comes here when it is known."""
