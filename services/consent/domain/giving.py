"""From an answer to grants: of law one per agency and rule version, of consent one per purpose (R8, R10, R11)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from services.consent.domain.dossier import Rule
from services.consent.domain.grant import Choice, EndReason, Giving, Grant, Ground, Origin, Recipient
from services.consent.domain.ids import AttributeId, GrantId, ReceiptId, SubjectId
from services.consent.domain.item import Answer, Item, Scope
from services.consent.domain.purpose import Purpose
from shared.vietnam import start_of

NewId = Callable[[], UUID]
HandedIn = Mapping[tuple[str, int], frozenset[AttributeId]]


@dataclass(frozen=True)
class Subject:
    """Whose rights are given, to whom, and how: what all grants of one decision share."""

    subject_id: SubjectId
    recipient: Recipient
    giving: Giving


@dataclass(frozen=True)
class Outcome:
    """What a decision does to grants: `new` begin, `ended` give way to them, `kept` say the same already.

    `handed_in` is her word from now on, by rule version: what she hands in herself, whichever agency asks.
    """

    new: tuple[Grant, ...]
    ended: tuple[Grant, ...]
    kept: tuple[Grant, ...]
    handed_in: HandedIn = field(default_factory=dict[tuple[str, int], frozenset[AttributeId]])

    @property
    def standing(self) -> tuple[Grant, ...]:
        """Return the grants under which this decision's attributes may be used."""
        return self.kept + self.new


def grants_of_law(
    choices: Mapping[tuple[str, int], tuple[Rule, Choice]],
    *,
    subject: Subject,
    standing: Iterable[Grant],
    handed_in: HandedIn,
    now: datetime,
    new_id: NewId,
) -> Outcome:
    """Give one grant per rule version, also where she hands in everything herself: the receipt says so.

    `standing` are this subject's rights of law for the dossier, to any agency, `handed_in` her word so far. A choice
    that says something new replaces what stands of the same rule version for the same agency; one that says the same
    leaves it. Another agency of the dossier has a right of its own, and none names what she hands in (ADR 0017).
    """
    here = {(g.ground.rule_id, g.ground.rule_version): g for g in standing if _is_to(g, subject.recipient)}
    by_officer = subject.giving.origin is Origin.OFFICER_AT_COUNTER
    new: list[Grant] = []
    ended: list[Grant] = []
    kept: list[Grant] = []
    word = dict(handed_in)
    for key, (rule, said) in choices.items():
        hers = word.get(key, frozenset())
        used = said.attributes - hers if by_officer else said.attributes  # no officer undoes her word
        word[key] = (hers - used) | said.opted_out
        old = here.get(key)
        laid = Choice(used, word[key]).upon(old)
        if old is not None and laid.is_that_of(old):
            kept.append(old)
            continue
        if old is not None:
            ended.append(old.end(now, EndReason.REPLACED))
        new.append(_of_law(rule, laid, subject, now, new_id))
    return Outcome(tuple(new), tuple(ended), tuple(kept), word)


def _is_to(grant: Grant, recipient: Recipient) -> bool:
    return grant.recipient is not None and grant.recipient.agency_uid == recipient.agency_uid


def choices_of(items: Iterable[Item], answers: Mapping[str, Answer]) -> dict[tuple[str, int], tuple[Rule, Choice]]:
    """Collect the answers to what was told, by rule version."""
    rules: dict[tuple[str, int], Rule] = {}
    said: dict[tuple[str, int], dict[Answer, list[AttributeId]]] = {}
    for item in items:
        if item.rule:
            key = (item.rule.id, item.rule.version)
            rules[key] = item.rule
            said.setdefault(key, {}).setdefault(answers[item.item_id], []).extend(item.attributes)
    return {
        key: (
            rules[key],
            Choice.of(continued=by.get(Answer.CONTINUE, []), self_submitted=by.get(Answer.SELF_SUBMIT, [])),
        )
        for key, by in said.items()
    }


def grants_of_consent(
    items: Iterable[Item], answers: Mapping[str, Answer], *, subject: Subject, now: datetime, new_id: NewId
) -> tuple[Grant, ...]:
    """Give one grant per purpose that she agreed to in at least one item."""
    purposes: dict[str, Purpose] = {}
    agreed: dict[str, list[AttributeId]] = {}
    for item in items:
        if item.purpose and answers[item.item_id] is Answer.AGREED:
            purposes[item.purpose.id] = item.purpose
            agreed.setdefault(item.purpose.id, []).extend(item.attributes)
    return tuple(_of_consent(purposes[key], attributes, subject, now, new_id) for key, attributes in agreed.items())


def _of_law(rule: Rule, choice: Choice, subject: Subject, now: datetime, new_id: NewId) -> Grant:
    return Grant(
        grant_id=GrantId(new_id()),
        subject_id=subject.subject_id,
        recipient=subject.recipient,
        attributes=tuple(sorted(choice.attributes)),
        opted_out=tuple(sorted(choice.opted_out)),
        ground=Ground(rule_id=rule.id, rule_version=rule.version, letter=rule.letter, legal_refs=rule.legal_refs),
        giving=subject.giving,
        receipt_id=ReceiptId(new_id()),
        valid_from=now,
        # On the day it names the rule no longer serves open dossiers (R11); without one the dossier's end is the end.
        valid_until=start_of(rule.ends_on) if rule.ends_on else None,
    )


def _of_consent(
    purpose: Purpose, attributes: list[AttributeId], subject: Subject, now: datetime, new_id: NewId
) -> Grant:
    return Grant(
        grant_id=GrantId(new_id()),
        subject_id=subject.subject_id,
        recipient=subject.recipient if purpose.scope == Scope.RELEASE else None,
        attributes=tuple(sorted(set(attributes))),
        opted_out=(),
        ground=Ground(purpose_id=purpose.id, purpose_version=purpose.version, legal_refs=purpose.legal_refs),
        giving=subject.giving,
        receipt_id=ReceiptId(new_id()),
        valid_from=now,
        valid_until=now + timedelta(days=purpose.days),
    )
