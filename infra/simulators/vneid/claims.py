"""What userinfo says of a person, in dialect A (VNConnect and the one-stop systems); far more than a login needs."""

from infra.simulators.personas import Account, Home, Persona

_SEX = {"male": "1", "female": "2"}
_CITIZEN = "1"


def dialect_a(persona: Persona, account: Account, issuer: str) -> dict[str, str | dict[str, str]]:
    """Return the claims; a birth date of which only the year is known is four digits instead of yyyyMMdd."""
    told = {
        "sub": account.sub,
        "LoaiTaiKhoan": _CITIZEN,
        "SoDinhDanh": persona.pin,
        "HoVaTen": persona.full_name,
        "NgayThangNamSinh": persona.birth_date.replace("-", ""),
        "TechID": account.tech_id,
        "IAL": str(account.account_level),
        "loAs": str(account.auth_level),
        "userProfileUri": f"{issuer}/profile",
        "logoutUri": f"{issuer}/logout",
        "MaSoThue": persona.pin,
        "GioiTinh": _SEX[persona.sex],
        "QuocTich": persona.nationality,
        "DanToc": persona.ethnicity,
        "TonGiao": persona.religion,
        "SoDienThoai": persona.phone,
        "ThuDienTu": persona.email,
        "ThuongTru": _address(persona.permanent),
        "NoiOHienNay": _address(persona.current or persona.permanent),
    }
    return {name: value for name, value in told.items() if value is not None}


def _address(home: Home) -> dict[str, str]:
    return {"MaTinhThanh": "31", "MaPhuongXa": home.commune, "ChiTiet": home.formatted, "QuocGia": "VN"}
