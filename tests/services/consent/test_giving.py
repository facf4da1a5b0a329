"""From answers to grants: of law one per agency and rule version, of consent one per purpose; no more than was said."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.consent.domain.giving import HandedIn, Outcome, Subject, choices_of, grants_of_consent, grants_of_law
from services.consent.domain.grant import Choice, EndReason, GivenBy, Giving, Grant, Ground, Origin
from services.consent.domain.ids import AttributeId, GrantId
from services.consent.domain.item import Answer, Item, Scope
from services.consent.domain.states import GrantState
from shared import ids
from tests.services.consent.factories import (
    NOW,
    attributes,
    make_grant,
    make_item,
    make_phone_purpose,
    make_purpose,
    make_rule,
    make_subject,
)


def give_law(
    items: list[Item],
    answers: dict[str, Answer],
    *,
    standing: tuple[Grant, ...] = (),
    handed_in: HandedIn | None = None,
    subject: Subject | None = None,
) -> Outcome:
    return grants_of_law(
        choices_of(items, answers),
        subject=subject or make_subject(),
        standing=standing,
        handed_in=handed_in or {},
        now=NOW,
        new_id=ids.new,
    )


TWO_ITEMS = [make_item("i1", "person.full_name", "person.pin"), make_item("i2", "marriage.record", "person.pin")]


def test_items_of_one_rule_version_become_one_grant() -> None:
    (grant,) = give_law(TWO_ITEMS, {"i1": Answer.CONTINUE, "i2": Answer.CONTINUE}).new
    assert grant.attributes == ("marriage.record", "person.full_name", "person.pin")
    assert grant.opted_out == ()


def test_items_of_two_rule_versions_become_two_grants() -> None:
    items = [make_item("i1"), make_item("i2", rule=make_rule(version=2))]
    grants = give_law(items, {"i1": Answer.CONTINUE, "i2": Answer.CONTINUE}).new
    assert [grant.ground.rule_version for grant in grants] == [1, 2]


def test_what_she_hands_in_herself_is_not_granted_but_named() -> None:
    (grant,) = give_law(TWO_ITEMS, {"i1": Answer.CONTINUE, "i2": Answer.SELF_SUBMIT}).new
    assert grant.attributes == ("person.full_name", "person.pin")
    assert grant.opted_out == ("marriage.record",)


def test_handing_in_everything_still_leaves_a_grant_that_says_so() -> None:
    (grant,) = give_law(TWO_ITEMS, {"i1": Answer.SELF_SUBMIT, "i2": Answer.SELF_SUBMIT}).new
    assert grant.attributes == ()
    assert grant.opted_out == ("marriage.record", "person.full_name", "person.pin")


def test_r11_a_grant_of_law_ends_on_the_day_its_rule_names_by_vietnams_clock() -> None:
    (grant,) = give_law([make_item("i1", rule=make_rule(ends_on=date(2026, 7, 1)))], {"i1": Answer.CONTINUE}).new
    day_begins = datetime(2026, 6, 30, 17, tzinfo=UTC)
    assert grant.valid_until == day_begins
    assert grant.run_out(day_begins).end_reason is EndReason.RULE_ENDED


def test_the_same_answer_again_gives_nothing_new() -> None:
    subject = make_subject()
    first = give_law(TWO_ITEMS, {"i1": Answer.CONTINUE, "i2": Answer.SELF_SUBMIT}, subject=subject)
    again = give_law(TWO_ITEMS, {"i1": Answer.CONTINUE, "i2": Answer.SELF_SUBMIT}, subject=subject, standing=first.new)
    assert (again.new, again.ended, again.kept) == ((), (), first.new)


def test_another_answer_in_the_same_dossier_replaces_the_grant_and_keeps_what_it_does_not_speak_of() -> None:
    old = make_grant(attributes=attributes("residence.permanent"), opted_out=attributes("marriage.record"))
    old = make_grant(
        attributes=old.attributes,
        opted_out=old.opted_out,
        ground=Ground(rule_id="birth-registration", rule_version=1, letter="19_1_c"),
    )
    outcome = give_law(TWO_ITEMS, {"i1": Answer.SELF_SUBMIT, "i2": Answer.CONTINUE}, standing=(old,))
    assert [(grant.state, grant.end_reason) for grant in outcome.ended] == [(GrantState.ENDED, EndReason.REPLACED)]
    (new,) = outcome.new
    assert new.attributes == ("marriage.record", "person.pin", "residence.permanent")
    assert new.opted_out == ("person.full_name",)


def test_r8_each_agency_of_a_dossier_has_a_right_of_its_own() -> None:
    here = make_subject()
    there = replace(here, recipient=replace(here.recipient, agency_uid="ag-000201"))
    both = {"i1": Answer.CONTINUE, "i2": Answer.CONTINUE}
    first = give_law(TWO_ITEMS, both, subject=here)
    second = give_law(TWO_ITEMS, both, subject=there, standing=first.new)
    (given,) = second.new
    assert (given.recipient, second.ended, second.kept) == (there.recipient, (), ())
    for subject, of in ((here, first), (there, second)):
        again = give_law(TWO_ITEMS, both, subject=subject, standing=first.new + second.new)
        assert (again.new, again.ended, again.kept) == ((), (), of.new)


RULE = [
    make_item("i1", "person.full_name", "person.pin"),
    make_item("i2", "marriage.record"),
    make_item("i3", "residence"),
]
ALL = {"i1": Answer.CONTINUE, "i2": Answer.CONTINUE, "i3": Answer.CONTINUE}
PAPER = {**ALL, "i2": Answer.SELF_SUBMIT}
HERE = make_subject()
THERE, ELSEWHERE = (
    replace(HERE, recipient=replace(HERE.recipient, agency_uid=uid)) for uid in ("ag-000201", "ag-000301")
)


def officer_of(subject: Subject) -> Subject:
    return replace(subject, giving=Giving(Origin.OFFICER_AT_COUNTER, GivenBy.SELF))


@dataclass
class Dossier:
    """What has been decided for one subject, in the order in which it was committed."""

    grants: dict[GrantId, Grant] = field(default_factory=dict[GrantId, Grant])
    handed_in: HandedIn = field(default_factory=dict[tuple[str, int], frozenset[AttributeId]])

    def decide(self, subject: Subject, answers: dict[str, Answer]) -> Grant:
        """Decide, and return the right that stands then."""
        outcome = give_law(
            [item for item in RULE if item.item_id in answers],
            answers,
            standing=tuple(each for each in self.grants.values() if each.state is GrantState.GRANTED),
            handed_in=self.handed_in,
            subject=subject,
        )
        self.grants |= {each.grant_id: each for each in outcome.ended + outcome.new}
        self.handed_in = outcome.handed_in
        (standing,) = outcome.standing
        return standing

    def end(self, grant: Grant) -> None:
        """Have an officer end it."""
        self.grants[grant.grant_id] = grant.end(NOW, EndReason.OFFICER)


EVERYBODY = [HERE, THERE, ELSEWHERE]


@pytest.mark.parametrize("decides", EVERYBODY)
def test_no_officer_undoes_what_she_hands_in_herself(decides: Subject) -> None:
    dossier = Dossier()
    dossier.decide(HERE, PAPER)
    given = dossier.decide(officer_of(decides), ALL)
    assert given.opted_out == ("marriage.record",)
    assert "marriage.record" not in given.attributes


@pytest.mark.parametrize("decides", EVERYBODY)
def test_no_officer_undoes_it_by_ending_the_right_first_also_while_another_agency_has_an_older_one(
    decides: Subject,
) -> None:
    dossier = Dossier()
    dossier.decide(officer_of(THERE), ALL)
    dossier.end(dossier.decide(HERE, PAPER))
    assert "marriage.record" in dossier.decide(officer_of(decides), ALL).opted_out


@pytest.mark.parametrize("decides", EVERYBODY)
def test_her_word_to_one_agency_holds_though_she_was_asked_less_by_another_since(decides: Subject) -> None:
    dossier = Dossier()
    dossier.decide(HERE, PAPER)
    assert dossier.decide(THERE, {"i1": Answer.CONTINUE}).opted_out == ("marriage.record",)
    assert "marriage.record" in dossier.decide(officer_of(decides), ALL).opted_out


@pytest.mark.parametrize("decides", EVERYBODY)
def test_her_word_is_kept_also_where_it_changes_no_right(decides: Subject) -> None:
    dossier = Dossier()
    paper = dossier.decide(THERE, PAPER)
    dossier.decide(HERE, ALL)
    assert dossier.decide(THERE, PAPER) is paper
    assert "marriage.record" in dossier.decide(officer_of(decides), ALL).opted_out
    dossier = Dossier()
    used = dossier.decide(THERE, ALL)
    dossier.decide(HERE, PAPER)
    assert dossier.decide(THERE, ALL) is used
    assert "marriage.record" in dossier.decide(officer_of(decides), ALL).attributes


def test_her_word_holds_for_an_agency_that_had_a_right_before_once_it_decides_again() -> None:
    dossier = Dossier()
    standing = dossier.decide(officer_of(THERE), ALL)
    dossier.decide(HERE, PAPER)
    assert "marriage.record" in dossier.grants[standing.grant_id].attributes  # until then that right stands
    for subject, answers in ((THERE, {"i1": Answer.CONTINUE}), (officer_of(THERE), ALL)):
        assert "marriage.record" in dossier.decide(subject, answers).opted_out
    assert "marriage.record" in dossier.decide(officer_of(ELSEWHERE), ALL).opted_out


def test_what_she_takes_back_herself_an_officer_may_use_again() -> None:
    dossier = Dossier()
    dossier.decide(HERE, PAPER)
    dossier.decide(officer_of(THERE), ALL)
    dossier.decide(HERE, ALL)
    assert dossier.decide(officer_of(THERE), ALL).opted_out == ()


def test_a_consent_gives_one_grant_per_purpose_over_what_she_agreed_to() -> None:
    keep = make_purpose()
    items = [
        make_item("i1", "person.full_name", purpose=keep),
        make_item("i2", "marriage.record", purpose=keep),
        make_item("i3", "residence.permanent", purpose=keep),
        make_item("i4", "person.phone", purpose=make_phone_purpose()),
    ]
    answers = {"i1": Answer.AGREED, "i2": Answer.AGREED, "i3": Answer.REFUSED, "i4": Answer.AGREED}
    kept, phone = grants_of_consent(items, answers, subject=make_subject(), now=NOW, new_id=ids.new)
    assert (kept.scope, kept.recipient, kept.attributes) == (
        Scope.RETENTION,
        None,
        ("marriage.record", "person.full_name"),
    )
    assert kept.valid_until == NOW + timedelta(days=365)
    assert (phone.scope, phone.attributes) == (Scope.RELEASE, ("person.phone",))
    assert phone.recipient is not None


def test_refusing_gives_no_grant() -> None:
    items = [make_item("i1", purpose=make_purpose())]
    assert grants_of_consent(items, {"i1": Answer.REFUSED}, subject=make_subject(), now=NOW, new_id=ids.new) == ()


def test_a_choice_never_grants_and_opts_out_the_same_attribute() -> None:
    choice = Choice.of(continued=attributes("a.b"), self_submitted=attributes("a.b", "c.d"))
    assert (choice.attributes, choice.opted_out) == ({"a.b"}, {"c.d"})


def test_a_ground_is_a_rule_or_a_purpose() -> None:
    with pytest.raises(ValueError, match="a rule or on a purpose"):
        Ground()
