"""What is told and asked follows from the components; what she answers must fit."""

import pytest

from services.consent.domain.dossier import Basis
from services.consent.domain.ids import PartyUid
from services.consent.domain.item import Answer, AnswerMissing, Item, Scope, check_answers, compose_items
from services.consent.domain.purpose import Purpose
from shared import ids
from tests.services.consent.factories import (
    attributes,
    make_component,
    make_item,
    make_phone_purpose,
    make_purpose,
    make_rule,
)

MOTHER = PartyUid(ids.new())
KEEP, PHONE = make_purpose(), make_phone_purpose()


def compose(*, asked: tuple[str, ...], kept: tuple[str, ...] = (), keep: Purpose | None = KEEP) -> tuple[Item, ...]:
    components = [
        make_component(MOTHER, "person.full_name", "person.pin"),
        make_component(MOTHER, "marriage.record"),
        make_component(
            MOTHER, "person.phone", basis=Basis.CONSENT, rule=None, purpose=("contact_by_phone", PHONE.version)
        ),
    ]
    wanted = [each for each in components if set(each.attributes) & set(asked)]
    purposes = {("contact_by_phone", 1): PHONE}
    return compose_items(wanted, asked=attributes(*asked), purposes=purposes, keep=keep, kept=attributes(*kept))


def test_what_the_law_gives_is_told_and_what_needs_consent_is_asked() -> None:
    items = compose(asked=("person.full_name", "marriage.record", "person.phone"), keep=None)
    assert [(item.basis, item.attributes) for item in items] == [
        (Basis.LEGAL_BASIS, ("person.full_name",)),
        (Basis.LEGAL_BASIS, ("marriage.record",)),
        (Basis.CONSENT, ("person.phone",)),
    ]


def test_only_what_was_asked_for_stands_in_an_item() -> None:
    (item,) = compose(asked=("person.full_name",), keep=None)
    assert item.attributes == ("person.full_name",)


def test_keeping_is_asked_once_per_group_of_attributes() -> None:
    items = compose(asked=("person.full_name", "person.pin", "marriage.record"))
    kept = [item.attributes for item in items if item.scope is Scope.RETENTION]
    assert kept == [("marriage.record",), ("person.full_name", "person.pin")]


def test_what_she_lets_us_keep_already_is_not_asked_again() -> None:
    items = compose(asked=("person.full_name", "person.pin", "marriage.record"), kept=("marriage.record", "person.pin"))
    assert [item.attributes for item in items if item.scope is Scope.RETENTION] == [("person.full_name",)]


def test_only_what_the_purpose_names_is_offered_for_keeping() -> None:
    items = compose(
        asked=("person.full_name", "marriage.record"), keep=make_purpose(attributes=attributes("marriage.record"))
    )
    assert [item.attributes for item in items if item.scope is Scope.RETENTION] == [("marriage.record",)]


def test_item_ids_are_unique() -> None:
    items = compose(asked=("person.full_name", "person.pin", "marriage.record", "person.phone"))
    assert len({item.item_id for item in items}) == len(items)


def test_an_item_stands_on_a_rule_or_a_purpose_but_not_on_both_or_none() -> None:
    for rule, purpose in ((None, None), (make_rule(), KEEP)):
        with pytest.raises(ValueError, match="a rule or on a purpose"):
            Item("i1", Scope.RELEASE, attributes("person.pin"), None, (), rule, purpose)


ITEMS = [make_item("i1"), make_item("i2", purpose=KEEP)]


def test_every_item_answered_in_its_own_words_is_an_answer() -> None:
    check_answers(ITEMS, {"i1": Answer.CONTINUE, "i2": Answer.REFUSED})
    check_answers(ITEMS, {"i1": Answer.SELF_SUBMIT, "i2": Answer.AGREED})


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"i1": Answer.CONTINUE},
        {"i1": Answer.CONTINUE, "i2": Answer.AGREED, "i3": Answer.AGREED},
        {"i1": Answer.AGREED, "i2": Answer.AGREED},
        {"i1": Answer.CONTINUE, "i2": Answer.CONTINUE},
    ],
)
def test_silence_and_words_that_do_not_fit_are_no_answer(answers: dict[str, Answer]) -> None:
    with pytest.raises(AnswerMissing):
        check_answers(ITEMS, answers)
