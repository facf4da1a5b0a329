"""Says in Vietnamese what came of a visit: outcomes of the plan, refusals, and names for what was received."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import JsonValue

from infra.client.releases import Release
from shared import reference
from shared.vietnam import day

_CONTRACTS = Path(__file__).parents[3] / "contracts"

OUTCOMES: Mapping[str, str] = {
    "reusable": "Đã có, không phải nộp",
    "fetchable": "Lấy được từ cơ sở dữ liệu, không phải nộp",
    "awaiting_person": "Chờ người này đăng nhập và trả lời",
    "login_again": "Cần đăng nhập lại để lấy dữ liệu",
    "step_up_needed": "Cần tài khoản VNeID mức độ 2",
    "representation_required": "Cần người đại diện trả lời",
    "officer_check_needed": "Cán bộ sẽ đối chiếu, bạn chưa phải làm gì",
    "refused_by_citizen": "Bạn tự nộp giấy tờ này",
    "not_available": "Không có trong cơ sở dữ liệu, bạn cần nộp giấy tờ",
    "source_fault": "Cơ sở dữ liệu tạm thời không trả lời, hệ thống sẽ thử lại; bạn chưa phải làm gì",
    "must_be_submitted": "Bạn cần nộp giấy tờ này",
}

_KEYS_REFUSED = "Không tra cứu được vì bạn tự nộp giấy tờ tùy thân; bạn nộp cả giấy tờ này"

_IN_PERSON = "Bạn cũng có thể nộp giấy tờ tại bộ phận một cửa."
REFUSALS: Mapping[str, str] = {
    "refused": "Bạn, hoặc VNeID nếu tài khoản đang bị khóa, đã từ chối đăng nhập, nên chưa có dữ liệu nào được dùng."
    f" Bạn có thể đăng nhập lại. {_IN_PERSON}",
    "timeout": "Đăng nhập mất quá nhiều thời gian, nên chưa có dữ liệu nào được dùng. Hãy đăng nhập lại.",
    "abandoned": "Bạn đã dừng nộp hồ sơ này, nên chưa có dữ liệu nào được dùng. Bạn có thể bắt đầu lại bất cứ lúc nào.",
    "lapsed": "Đã quá thời gian trả lời, nên chưa có dữ liệu nào được dùng. Hãy đăng nhập lại.",
    "level_too_low": "Thủ tục này cần tài khoản VNeID mức độ 2. Hãy đến cơ quan Công an để nâng mức độ tài khoản,"
    f" rồi đăng nhập lại. {_IN_PERSON}",
    "party_mismatch": "Tài khoản VNeID này không phải của người có tên trong hồ sơ."
    " Hãy đăng nhập bằng tài khoản của người đó.",
    "representation_required": "Người đăng nhập chưa đủ tuổi để tự trả lời."
    " Cha, mẹ hoặc người giám hộ hãy nộp hồ sơ tại bộ phận một cửa.",
    "source_unavailable": "VNeID tạm thời không trả lời. Hãy thử lại sau ít phút.",
}
"""By the word that the gateway gives as the reason."""

_OTHER_REFUSAL = f"Chưa nhận được dữ liệu. Hãy thử lại sau ít phút. {_IN_PERSON}"

_WORDS: Mapping[str, str] = {
    "male": "nam",
    "female": "nữ",
    "VN": "Việt Nam",
    "in_force": "đang có hiệu lực",
    "ended": "đã chấm dứt",
    "household_business": "hộ kinh doanh",
    "enterprise": "doanh nghiệp",
    "cooperative": "hợp tác xã",
    "active": "đang hoạt động",
    "suspended": "tạm ngừng",
    "closed": "đã chấm dứt hoạt động",
}
_SOURCES: Mapping[str, str] = {
    "vneid": "VNeID",
    "officer_check": "giấy tờ xuất trình tại quầy",
    "population": "Cơ sở dữ liệu quốc gia về dân cư",
    "civil_status": "Cơ sở dữ liệu hộ tịch điện tử",
    "health_births": "dữ liệu giấy chứng sinh của ngành y tế",
    "business": "Hệ thống thông tin đăng ký kinh doanh",
}


@dataclass(frozen=True)
class Received:
    """One verified thing, as a person reads it."""

    name: str
    value: str
    source: str


@cache
def _names() -> Mapping[str, str]:
    return {each.id: each.name.vi for each in reference.load(_CONTRACTS).attributes.values()}


def outcome(component: Mapping[str, Any]) -> str:
    """Say what is true of one component of the plan."""
    if component["reason"] == "match_keys_refused":
        return _KEYS_REFUSED
    return OUTCOMES.get(component["outcome"], component["outcome"])


def refusal(words: str) -> str:
    """Say what a refusal means and what to do next, by the last word of it that we know."""
    return next((REFUSALS[word] for word in reversed(words.split()) if word in REFUSALS), _OTHER_REFUSAL)


def received(release: Release) -> list[Received]:
    """Read a release's `verified_claims` (OpenID Connect for Identity Assurance) into names and words."""
    return [
        _received(value, each["verification"]["evidence"][0]["record"])
        for each in cast(Sequence[Mapping[str, Any]], release.claims["verified_claims"])
        for value in each["claims"].values()
    ]


def _received(value: JsonValue, record: Mapping[str, Any]) -> Received:
    attribute, source = record["type"], record["source"]["name"]
    return Received(_names().get(attribute, attribute), said(value), _SOURCES.get(source, source))


def said(value: JsonValue) -> str:
    """Write a value for a person: days as Vietnamese do, codes in words, an address as the line it is."""
    if isinstance(value, list):
        return " | ".join(said(each) for each in value) or "không có"
    if isinstance(value, dict):
        return str(value["formatted"]) if "formatted" in value else "; ".join(said(each) for each in value.values())
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return day(date.fromisoformat(text))
    return _WORDS.get(text, text)
