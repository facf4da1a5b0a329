"""What should be true of requests and grants, whatever she, officers and time do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.consent.domain.item import Answer, Item


@dataclass
class Question:
    """What the model knows of a request."""

    dossier: int
    items: tuple[Item, ...]
    lapses_at: datetime
    state: str = "requested"


@dataclass
class Right:
    """What the model knows of a grant."""

    law: bool
    dossier: int | None
    attributes: frozenset[str]
    opted_out: frozenset[str]
    until: datetime | None
    state: str = "granted"
    moves: int = 1  # events told of it

    def becomes(self, state: str, *, moves: int = 1) -> None:
        self.state = state
        self.moves += moves

    @property
    def words(self) -> tuple[Any, ...]:
        return self.law, self.dossier, self.attributes, self.opted_out, self.until, self.state


@dataclass
class Model:
    """What should be true."""

    questions: dict[UUID, Question] = field(default_factory=dict[UUID, Question])
    rights: dict[UUID, Right] = field(default_factory=dict[UUID, Right])
    closed: set[int] = field(default_factory=set[int])
    handed_in: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
    """Her word so far, by dossier."""

    def kept(self, now: datetime) -> set[str]:
        """Return what she lets us keep."""
        standing = [r for r in self.rights.values() if r.dossier is None and r.state == "granted"]
        return {name for right in standing if right.until and right.until > now for name in right.attributes}

    def law_of(self, dossier: int) -> Right | None:
        """Return the one standing right of law of a dossier."""
        return next((r for r in self.rights.values() if r.law and r.dossier == dossier and r.state == "granted"), None)

    def decided(self, question: Question, answers: Mapping[str, Answer], now: datetime) -> list[Right]:
        """Return the rights that begin with her answers, and end the one that gives way."""
        said = [(item, answers[item.item_id]) for item in question.items]
        new = self._of_law(question.dossier, said)
        agreed: dict[tuple[str, int | None], tuple[set[str], int]] = {}
        for item, answer in said:
            if item.purpose and answer is Answer.AGREED:
                place = question.dossier if item.purpose.scope == "release" else None
                agreed.setdefault((item.purpose.id, place), (set(), item.purpose.days))[0].update(item.attributes)
        for (_, place), (names, days) in agreed.items():
            new.append(Right(False, place, frozenset(names), frozenset(), now + timedelta(days=days)))
        return new

    def _of_law(self, dossier: int, said: list[tuple[Item, Answer]]) -> list[Right]:
        told = [(set[str](item.attributes), answer) for item, answer in said if item.rule]
        if not told:
            return []
        used = {name for names, answer in told if answer is Answer.CONTINUE for name in names}
        handed_in = {name for names, answer in told if answer is Answer.SELF_SUBMIT for name in names} - used
        handed_in |= self.handed_in.get(dossier, frozenset()) - used
        self.handed_in[dossier] = frozenset(handed_in)
        if before := self.law_of(dossier):
            used, handed_in = (before.attributes - handed_in) | used, (before.opted_out - used) | handed_in
            if (used, handed_in) == (before.attributes, before.opted_out):
                return []
            before.becomes("ended")
        return [Right(True, dossier, frozenset(used), frozenset(handed_in), None)]
