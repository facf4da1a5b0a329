"""What the simulated city system tells a person: every outcome and refusal in words, values as people read them."""

import pytest
from pydantic import JsonValue

from infra.client.releases import Release
from infra.simulators.city_system.words import OUTCOMES, REFUSALS, outcome, received, refusal, said
from services.identity.domain.login import Reason
from services.reuse.domain.plan import Outcome


def test_every_outcome_of_a_plan_has_its_words() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert outcome({"outcome": Outcome.REUSABLE, "reason": None}) == OUTCOMES["reusable"]
    assert "tự nộp" in outcome({"outcome": Outcome.NOT_AVAILABLE, "reason": "match_keys_refused"}).vi


def test_every_way_a_login_fails_is_said_with_what_to_do_next() -> None:
    told = {"abandoned", "lapsed", *(set(Reason) - {Reason.RESPONSE_INVALID})}
    assert told == set(REFUSALS)
    assert "mức độ 2" in refusal("unmet_authentication_requirements level_too_low").vi
    assert "bộ phận một cửa" in refusal("500 internal_error").vi


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        ("1994-03-12", "12/03/1994", "12 March 1994"),
        ("1958", "1958", "1958"),
        ("female", "nữ", "female"),
        (["VN"], "Việt Nam", "Viet Nam"),
        ([], "không có", "none"),
        ({"commune_code": "11602", "formatted": "Thôn Ví Dụ"}, "Thôn Ví Dụ", "Thôn Ví Dụ"),
        (
            {"record_no": "12/2018", "registered_on": "2018-05-02", "status": "in_force"},
            "12/2018; 02/05/2018; đang có hiệu lực",
            "12/2018; 2 May 2018; in force",
        ),
    ],
)
def test_a_value_is_written_for_people(value: JsonValue, vi: str, en: str) -> None:
    assert (said(value, "vi"), said(value, "en")) == (vi, en)


def test_what_was_received_is_named_as_the_contract_names_it() -> None:
    verification: JsonValue = {"evidence": [{"record": {"type": "person.sex", "source": {"name": "vneid"}}}]}
    release = Release("", {"verified_claims": [{"claims": {"gender": "male"}, "verification": verification}]})
    assert [(each.name.vi, each.value.en, each.source.en) for each in received(release)] == [
        ("Giới tính", "male", "VNeID")
    ]
