"""Says what came of a visit: outcomes of the plan, refusals, and names for what was received."""

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
from shared.languages import Language, Words
from shared.vietnam import day

_CONTRACTS = Path(__file__).parents[3] / "contracts"

OUTCOMES: Mapping[str, Words] = {
    "reusable": Words("Đã có, không phải nộp", "There already, nothing to hand in"),
    "fetchable": Words("Lấy được từ cơ sở dữ liệu, không phải nộp", "Obtained from a database, nothing to hand in"),
    "awaiting_person": Words(
        "Chờ người này trả lời, hoặc cán bộ của cơ quan này quyết định",
        "Waits for this person to answer, or for this agency's officer to decide",
    ),
    "login_again": Words("Cần đăng nhập lại để lấy dữ liệu", "A new login is needed to obtain the data"),
    "step_up_needed": Words("Cần tài khoản VNeID mức độ 2", "A VNeID account of level 2 is needed"),
    "representation_required": Words("Cần người đại diện trả lời", "A representative has to answer"),
    "officer_check_needed": Words(
        "Cán bộ sẽ đối chiếu, bạn chưa phải làm gì", "An officer will compare; there is nothing for you to do yet"
    ),
    "refused_by_citizen": Words("Bạn tự nộp giấy tờ này", "You hand in this paper yourself"),
    "not_available": Words(
        "Không có trong cơ sở dữ liệu, bạn cần nộp giấy tờ", "Not in the database: please hand in the paper"
    ),
    "source_fault": Words(
        "Cơ sở dữ liệu tạm thời không trả lời, hệ thống sẽ thử lại; bạn chưa phải làm gì",
        "The database does not answer at the moment and will be asked again; there is nothing for you to do yet",
    ),
    "must_be_submitted": Words("Bạn cần nộp giấy tờ này", "Please hand in this paper"),
}

_KEYS_REFUSED = Words(
    "Không tra cứu được vì bạn tự nộp giấy tờ tùy thân; bạn nộp cả giấy tờ này",
    "It cannot be looked up, since you hand in your identity paper yourself; please hand in this one too",
)

_IN_PERSON = Words(
    "Bạn cũng có thể nộp giấy tờ tại bộ phận một cửa.", "You can also hand in papers at the one-stop counter."
)
REFUSALS: Mapping[str, Words] = {
    "refused": Words(
        "Bạn, hoặc VNeID nếu tài khoản đang bị khóa, đã từ chối đăng nhập, nên chưa có dữ liệu nào được dùng."
        f" Bạn có thể đăng nhập lại. {_IN_PERSON.vi}",
        "The login was refused by you, or by VNeID if the account is locked, so no data have been used."
        f" You can log in again. {_IN_PERSON.en}",
    ),
    "timeout": Words(
        "Đăng nhập mất quá nhiều thời gian, nên chưa có dữ liệu nào được dùng. Hãy đăng nhập lại.",
        "The login took too long, so no data have been used. Please log in again.",
    ),
    "abandoned": Words(
        "Bạn đã dừng nộp hồ sơ này, nên chưa có dữ liệu nào được dùng. Bạn có thể bắt đầu lại bất cứ lúc nào.",
        "You stopped this application, so no data have been used. You can begin again at any time.",
    ),
    "lapsed": Words(
        "Đã quá thời gian trả lời, nên chưa có dữ liệu nào được dùng. Hãy đăng nhập lại.",
        "The time to answer is over, so no data have been used. Please log in again.",
    ),
    "level_too_low": Words(
        "Thủ tục này cần tài khoản VNeID mức độ 2. Hãy đến cơ quan Công an để nâng mức độ tài khoản,"
        f" rồi đăng nhập lại. {_IN_PERSON.vi}",
        "This procedure needs a VNeID account of level 2. Please have the police raise the level of your account,"
        f" then log in again. {_IN_PERSON.en}",
    ),
    "party_mismatch": Words(
        "Tài khoản VNeID này không phải của người có tên trong hồ sơ. Hãy đăng nhập bằng tài khoản của người đó.",
        "This VNeID account is not that of the person named in the application. Please log in with that account.",
    ),
    "representation_required": Words(
        "Người đăng nhập chưa đủ tuổi để tự trả lời. Cha, mẹ hoặc người giám hộ hãy nộp hồ sơ tại bộ phận một cửa.",
        "Whoever logged in is too young to answer alone. A parent or guardian may apply at the one-stop counter.",
    ),
    "source_unavailable": Words(
        "VNeID tạm thời không trả lời. Hãy thử lại sau ít phút.",
        "VNeID does not answer at the moment. Please try again in a few minutes.",
    ),
}
"""By the word that the gateway gives as the reason."""

_OTHER_REFUSAL = Words(
    f"Chưa nhận được dữ liệu. Hãy thử lại sau ít phút. {_IN_PERSON.vi}",
    f"No data have come yet. Please try again in a few minutes. {_IN_PERSON.en}",
)

_NONE = Words("không có", "none")
_WORDS: Mapping[str, Words] = {
    "male": Words("nam", "male"),
    "female": Words("nữ", "female"),
    "VN": Words("Việt Nam", "Viet Nam"),
    "in_force": Words("đang có hiệu lực", "in force"),
    "ended": Words("đã chấm dứt", "ended"),
    "household_business": Words("hộ kinh doanh", "household business"),
    "enterprise": Words("doanh nghiệp", "enterprise"),
    "cooperative": Words("hợp tác xã", "cooperative"),
    "active": Words("đang hoạt động", "active"),
    "suspended": Words("tạm ngừng", "suspended"),
    "closed": Words("đã chấm dứt hoạt động", "closed"),
}
_SOURCES: Mapping[str, Words] = {
    "vneid": Words("VNeID", "VNeID"),
    "officer_check": Words("giấy tờ xuất trình tại quầy", "card shown at the counter"),
    "population": Words("Cơ sở dữ liệu quốc gia về dân cư", "National population database"),
    "civil_status": Words("Cơ sở dữ liệu hộ tịch điện tử", "Civil status database"),
    "health_births": Words("dữ liệu giấy chứng sinh của ngành y tế", "birth notifications of the health sector"),
    "business": Words("Hệ thống thông tin đăng ký kinh doanh", "Business registration system"),
}


@dataclass(frozen=True)
class Received:
    """One verified thing, as a person reads it; `is_data` where the value is no word of ours."""

    name: Words
    value: Words
    source: Words
    is_data: bool


@cache
def _names() -> Mapping[str, Words]:
    return {each.id: each.name for each in reference.load(_CONTRACTS).attributes.values()}


def outcome(component: Mapping[str, Any]) -> Words:
    """Say what is true of one component of the plan."""
    if component["reason"] == "match_keys_refused":
        return _KEYS_REFUSED
    return OUTCOMES.get(component["outcome"], _as_it_is(component["outcome"]))


def refusal(words: str) -> Words:
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
    words = Words(said(value, "vi"), said(value, "en"))
    return Received(
        name=_names().get(attribute, _as_it_is(attribute)),
        value=words,
        source=_SOURCES.get(source, _as_it_is(source)),
        is_data=words.vi == words.en or not isinstance(value, str),
    )


def _as_it_is(text: str) -> Words:
    return Words(text, text)


def said(value: JsonValue, language: Language) -> str:
    """Write a value for a person: days as people do, codes in words, an address as the line it is."""
    if isinstance(value, list):
        return " | ".join(said(each, language) for each in value) or _NONE.said(language)
    if isinstance(value, dict):
        parts = [value["formatted"]] if "formatted" in value else value.values()
        return "; ".join(said(each, language) for each in parts)
    text = str(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return day(date.fromisoformat(text), language)
    return _WORDS[text].said(language) if text in _WORDS else text
