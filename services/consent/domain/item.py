"""What a request tells and asks, item by item, and how each item may be answered."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby

from services.consent.domain.dossier import Basis, Component, Rule
from services.consent.domain.ids import AttributeId
from services.consent.domain.purpose import Purpose
from shared.errors import Invalid
from shared.languages import Words


class Scope(StrEnum):
    """Where the right leads: to one client and dossier, or to keeping for later ones."""

    RELEASE = "release"
    RETENTION = "retention"


class Answer(StrEnum):
    """What she says to one item: the first two to what is told, the others to what is asked."""

    CONTINUE = "continue"
    SELF_SUBMIT = "self_submit"
    AGREED = "agreed"
    REFUSED = "refused"


class AnswerMissing(Invalid):
    """An item is unanswered or answered with a word that does not fit it; silence is never an agreement."""

    code = "answer_missing"
    fault = "citizen"


@dataclass(frozen=True)
class Item:
    """One line of the page. Exactly one of `rule` and `purpose` is set, by its basis."""

    item_id: str
    scope: Scope
    attributes: tuple[AttributeId, ...]
    document: Words | None
    sources: tuple[str, ...]
    rule: Rule | None
    purpose: Purpose | None

    def __post_init__(self) -> None:
        if (self.rule is None) == (self.purpose is None):
            raise ValueError("an item stands on a rule or on a purpose")

    @property
    def basis(self) -> Basis:
        """Say whether the item is told (law) or asked (consent)."""
        return Basis.LEGAL_BASIS if self.rule else Basis.CONSENT

    @property
    def answers(self) -> frozenset[Answer]:
        """Return the two words with which this item can be answered."""
        told = {Answer.CONTINUE, Answer.SELF_SUBMIT}
        return frozenset(told if self.rule else {Answer.AGREED, Answer.REFUSED})


def compose_items(
    components: Iterable[Component],
    *,
    asked: Collection[AttributeId],
    purposes: Mapping[tuple[str, int], Purpose],
    keep: Purpose | None,
    kept: Collection[AttributeId],
) -> tuple[Item, ...]:
    """Return what is told and asked: one item per component, then one per group of attributes that could be kept.

    `keep` is the retention purpose offered; what she already lets us keep (`kept`) is not asked for again.
    """
    components = list(components)
    drafts = [_of_component(component, asked, purposes) for component in components]
    if keep is not None:
        seen = {attribute for draft in drafts for attribute in draft.attributes}
        drafts += [_of_group(group, keep) for group in _groups(_may_keep(keep, seen) - set(kept))]
    return tuple(replace(draft, item_id=f"i{number}") for number, draft in enumerate(drafts, start=1))


def check_answers(items: Iterable[Item], answers: Mapping[str, Answer]) -> None:
    """Raise `AnswerMissing` unless every item has an answer that fits it, and nothing else is answered."""
    items = list(items)
    if {item.item_id for item in items} != set(answers):
        raise AnswerMissing
    if any(answers[item.item_id] not in item.answers for item in items):
        raise AnswerMissing


def _of_component(
    component: Component, asked: Collection[AttributeId], purposes: Mapping[tuple[str, int], Purpose]
) -> Item:
    attributes = tuple(attribute for attribute in component.attributes if attribute in asked)
    purpose = purposes[component.purpose] if component.purpose else None
    return Item("", Scope.RELEASE, attributes, component.document, component.sources, component.rule, purpose)


def _may_keep(keep: Purpose, attributes: set[AttributeId]) -> set[AttributeId]:
    return attributes if keep.attributes is None else attributes & set(keep.attributes)


def _groups(attributes: set[AttributeId]) -> list[tuple[AttributeId, ...]]:
    """Group by the first word of the id (person, residence, marriage …), in a stable order."""
    return [tuple(group) for _, group in groupby(sorted(attributes), key=lambda each: each.partition(".")[0])]


def _of_group(attributes: tuple[AttributeId, ...], keep: Purpose) -> Item:
    return Item("", Scope.RETENTION, attributes, None, (), None, keep)
