"""A notice says everything in both languages, and its digest is that of exactly these words."""

from typing import Any

from services.consent.domain.ids import AttributeId
from services.consent.domain.notice import Notice, Vocabulary, Wording, compose_notice, digest
from services.consent.domain.purpose import AttributeName
from shared import ids
from shared.languages import Words
from tests.services.consent.factories import make_dossier, make_item, make_purpose

NAMES = {
    AttributeId("person.full_name"): AttributeName(AttributeId("person.full_name"), Words("Họ tên", "Name"), False),
    AttributeId("birth.notification"): AttributeName(
        AttributeId("birth.notification"), Words("Giấy chứng sinh", "Birth notification"), True
    ),
}
VOCABULARY = Vocabulary(NAMES, {"vneid": Words("VNeID", "VNeID")}, {"mother": Words("mẹ", "mother")})


def compose(**changes: Any) -> Notice:
    values: dict[str, Any] = {
        "items": [make_item("i1"), make_item("i2", "birth.notification", purpose=make_purpose())],
        "dossier": make_dossier(),
        "roles": ["mother"],
        "asker": {"agency_uid": "ag-000101", "agency_name": "UBND phường Hồng An", "client_name": "Hộ tịch"},
        "vocabulary": VOCABULARY,
        "wording": Wording("reuse", 1, {"title": {"vi": "Xác nhận", "en": "Confirm"}}),
    }
    return compose_notice(ids.new(), **values | changes)


def test_a_notice_names_who_asks_for_what_from_where_on_which_law_and_for_how_long() -> None:
    content = compose().content
    assert content["asked_by"]["agency_name"] == "UBND phường Hồng An"
    assert content["dossier"]["procedure_name"] == {"vi": "Đăng ký khai sinh", "en": "Birth registration"}
    assert content["dossier"]["roles"] == [{"vi": "mẹ", "en": "mother"}]
    (told,), (asked,) = content["told"], content["asked"]
    assert told["attributes"] == [{"id": "person.full_name", "vi": "Họ tên", "en": "Name", "sensitive": False}]
    assert told["sources"] == [{"vi": "VNeID", "en": "VNeID"}]
    assert (told["letter"], told["legal_refs"]) == ("19_1_c", ["Nghị định 123/2015/NĐ-CP Điều 9"])
    assert asked["days"] == 365
    assert asked["if_refused"]["vi"]


def test_sensitive_data_are_named_as_such() -> None:
    (asked,) = compose().content["asked"]
    assert asked["attributes"][0]["sensitive"] is True


def test_the_same_words_have_the_same_digest_and_another_word_has_another() -> None:
    dossier = make_dossier()
    first, second = compose(dossier=dossier), compose(dossier=dossier)
    assert first.sha256 == second.sha256 == digest(first.content)
    assert (
        compose(dossier=dossier, wording=Wording("reuse", 1, {"title": {"vi": "Xin xác nhận", "en": "Confirm"}})).sha256
        != first.sha256
    )


def test_the_order_of_members_does_not_change_the_digest() -> None:
    assert digest({"a": 1, "b": "ữ"}) == digest({"b": "ữ", "a": 1})
