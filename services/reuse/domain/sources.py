"""Where an attribute may still come from: the sources of its component in order, and what each has said already."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from services.reuse.domain.dossier import Component, Dossier, Party
from services.reuse.domain.evidence import Evidence, Held
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, GrantId
from services.reuse.domain.lookup import MATCH_KEYS
from services.reuse.domain.party import Claims, Person
from services.reuse.domain.procedure import REGISTRIES, Grade

Outcome = Literal["found", "not_found", "partial", "mismatch", "unavailable"]

ASK_AGAIN_AFTER = timedelta(days=1)
"""A register that said no is not asked the same again for so long; one that failed may be at once."""


@dataclass(frozen=True)
class Answered:
    """The newest answer of a source about one attribute, in this dossier."""

    source: str
    attribute: AttributeId
    outcome: Outcome
    at: datetime
    identification: bool = False


@dataclass(frozen=True)
class Situation:
    """All that is known about one party of a dossier at an instant; what is decided here is decided from it alone."""

    dossier: Dossier
    party: Party
    person: Person
    agency_uid: str  # which acts
    now: datetime
    grades: Mapping[tuple[AttributeId, str], Grade]  # how sure a source's word is
    grants: tuple[Grant, ...] = ()  # of its subject: for this dossier, for keeping, and the last keepings that ended
    held: tuple[Held, ...] = ()  # what `usable` lets count: of each attribute, origin, level and grade the newest
    answered: tuple[Answered, ...] = ()
    in_flight: frozenset[AttributeId] = field(default_factory=frozenset[AttributeId])

    @property
    def release_grants(self) -> tuple[Grant, ...]:
        """Return the grants that let something go to this dossier for this party, to the agency that acts (R8)."""
        return tuple(g for g in self.grants_to_any if g.agency_uid == self.agency_uid)

    @property
    def grants_to_any(self) -> tuple[Grant, ...]:
        """Return the grants that let something go to this dossier for this party, to whichever agency."""
        mine = (self.dossier.dossier_uid, self.party.party_uid)
        return tuple(g for g in self.grants if g.scope == "release" and (g.dossier_uid, g.party_uid) == mine)

    def find_grant(self, attribute: AttributeId) -> Grant | None:
        """Return a valid release grant of an attribute, one of law before one of consent."""
        covering = [g for g in self.release_grants if g.covers(attribute, self.now)]
        return min(covering, key=lambda g: g.kind != "legal_basis", default=None)

    def find_grant_to_any(self, attribute: AttributeId) -> Grant | None:
        """Return a valid release grant of an attribute to the agency that acts, or else to another of the dossier."""
        elsewhere = (g for g in self.grants_to_any if g.covers(attribute, self.now))
        return self.find_grant(attribute) or next(elsewhere, None)

    def usable(self, attribute: AttributeId) -> Iterator[Held]:
        """Yield evidence that may be used for this dossier: held for it, and what it stands on still valid (R8)."""
        valid = {g.grant_id: g for g in self.grants if g.is_valid(self.now)}
        for each in self.held:
            covered = each.holding.covers(self.dossier.dossier_uid, self.dossier.procedure, self.now)
            if each.evidence.attribute == attribute and covered and _stands(each, valid):
                yield each

    def find_suiting(self, component: Component, attribute: AttributeId) -> Evidence | None:
        """Return the newest usable evidence that is good and fresh enough for a component."""
        grade, age = component.min_grade or "L0", component.max_age_days or 0
        suiting = [e.evidence for e in self.usable(attribute) if e.evidence.suits(grade, age, self.now)]
        return max(suiting, key=lambda e: (e.verified_at, e.evidence_id), default=None)

    def claims_with(self, source: str, attribute: AttributeId) -> Claims | None:
        """Return claims that wait to be collected, of this source and naming the attribute."""
        waiting = (c for c in self.person.claims if c.source == source and c.state in ("held", "collectable"))
        return next((c for c in waiting if attribute in c.attributes), None)

    def has_match_keys(self) -> bool:
        """Say whether a register can be asked about her: number, name and birth date are at hand, or about to be."""
        return all(
            any(self.usable(key)) or any(self.claims_with(source, key) for source in ("vneid", "officer_check"))
            for key in MATCH_KEYS
        )


class Readiness(StrEnum):
    """What can be expected of a source now."""

    READY = "ready"
    FAILED = "failed"  # it did not answer: may be asked again at once
    OFFICER = "officer"  # it knows somebody nearly like her: a person must look
    EXHAUSTED = "exhausted"  # it has said no
    NO_KEYS = "no_keys"  # it cannot be asked without number, name and birth date
    LOGIN = "login"  # its word was used up or is gone: she would have to log in again


def readiness(component: Component, attribute: AttributeId, at: Situation) -> dict[str, Readiness]:
    """Return each source of the component that could say the attribute well enough, in the map's order."""
    least = component.min_grade or "L0"
    return {
        source: _readiness(source, attribute, at)
        for source in component.sources
        if at.grades.get((attribute, source), "") >= least
    }


def _readiness(source: str, attribute: AttributeId, at: Situation) -> Readiness:
    if source not in REGISTRIES:
        if at.claims_with(source, attribute):
            return Readiness.READY
        return Readiness.LOGIN if source == "vneid" else Readiness.EXHAUSTED
    if not at.has_match_keys():
        return Readiness.NO_KEYS
    if at.person.provisional:
        return identification_readiness(at)
    return _after([a for a in at.answered if (a.source, a.attribute) == (source, attribute)], at.now)


def identification_readiness(at: Situation) -> Readiness:
    """Say whether the population register can confirm a provisional citizen, or what it said when asked."""
    return _after([a for a in at.answered if a.identification], at.now)


def _after(answers: list[Answered], now: datetime) -> Readiness:
    newest = max(answers, key=lambda a: a.at, default=None)
    if newest is None or newest.outcome == "found":
        return Readiness.READY
    if newest.outcome == "unavailable":
        return Readiness.FAILED
    if newest.at + ASK_AGAIN_AFTER <= now:
        return Readiness.READY
    return Readiness.OFFICER if newest.outcome in ("partial", "mismatch") else Readiness.EXHAUSTED


def _stands(held: Held, valid: Mapping[GrantId, Grant]) -> bool:
    """Say whether what it is held under still stands; a consent to keep only for what it still names."""
    grant_id = held.holding.grant_id
    if grant_id is None:
        return True
    grant = valid.get(grant_id)
    return grant is not None and (held.holding.scope == "dossier" or held.evidence.attribute in grant.attributes)
