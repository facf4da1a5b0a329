"""How VNeID words its claims: a port, and one adapter for each dialect. What no adapter names is dropped here."""

import re
from collections.abc import Callable, Iterator, Mapping
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
    further: Mapping[str, JsonValue] = field(repr=False, default_factory=dict[str, JsonValue])
    """What else it says of her, under our attribute ids; a login holds of it only what was asked."""


class _DialectA(BaseModel):
    """VNConnect towards one-stop systems: the seven claims without which nobody logs in."""

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
    return ToldOfPerson(told.sub, keys, int(told.IAL), told.loAs, dict(_further(claims)))


_SEX: Mapping[JsonValue, JsonValue] = {"1": "male", "2": "female"}
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_COUNTRY = re.compile(r"[A-Z]{2}")


def _further(claims: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    """Read what not everybody's login says; a member we cannot read is left out, a source may be asked for it yet."""
    if sex := _SEX.get(claims.get("GioiTinh")):
        yield "person.sex", sex
    if (country := claims.get("QuocTich")) and isinstance(country, str) and _COUNTRY.fullmatch(country):
        yield "person.nationality", [country]
    if (phone := claims.get("SoDienThoai")) and isinstance(phone, str) and _PHONE.fullmatch(phone):
        yield "person.phone", phone
    for name, attribute in (("ThuongTru", "residence.permanent"), ("NoiOHienNay", "residence.current")):
        if address := _address(claims.get(name)):
            yield attribute, address


class _Address(BaseModel):
    """An address as dialect A writes it; `ChiTiet` is the whole line."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    ChiTiet: str = Field(min_length=1, max_length=300)
    MaPhuongXa: str | None = Field(default=None, pattern=r"^[0-9]{5}$")
    MaTinhThanh: str | None = Field(default=None, pattern=r"^[0-9]{2}$")
    QuocGia: str = Field(pattern=r"^[A-Z]{2}$")


def _address(told: JsonValue) -> JsonValue:
    try:
        read = _Address.model_validate(told)
    except ValidationError:
        return None
    members = {
        "formatted": read.ChiTiet,
        "commune_code": read.MaPhuongXa,
        "province_code": read.MaTinhThanh,
        "country": read.QuocGia,
    }
    return {name: value for name, value in members.items() if value is not None}


def _iso(digits: str) -> str:
    """Write yyyyMMdd, or yyyy where only the year is known, as we do."""
    return digits if len(digits) == 4 else f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


Dialect = Callable[[Mapping[str, JsonValue]], ToldOfPerson]

DIALECTS: Mapping[str, Dialect] = {"a": read_dialect_a}
"""Dialect B (no id_token, encrypted envelopes) needs an adapter of the exchange too; it comes here when it is known."""
