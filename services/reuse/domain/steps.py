"""What to collect next: claims that wait at identity, then registries in the map's order, each at most once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId
from services.reuse.domain.lookup import MATCH_KEYS
from services.reuse.domain.party import Claims
from services.reuse.domain.procedure import REGISTRIES
from services.reuse.domain.sources import Readiness, Situation, identification_readiness, readiness

POPULATION = "population"


@dataclass(frozen=True)
class Step:
    """Attributes to ask one register for, and the grant under which each is asked."""

    source: str
    under: Mapping[AttributeId, Grant]


def granted(at: Situation, claims: Claims) -> dict[AttributeId, Grant]:
    """Return which of these claims may be collected, and under which grant.

    Claims are collected once, for the dossier: also what another of its agencies may have. Number, name and birth date
    come under any valid grant of law, since every rule lets a person be identified at the population register; not
    where she said that she hands them in herself.
    """
    found = {attribute: grant for attribute in claims.attributes if (grant := at.find_grant_to_any(attribute))}
    identifying = find_identifying_grant(at) or _identifying(at.grants_to_any, at.now)
    if identifying:
        found |= {key: identifying for key in MATCH_KEYS if key in claims.attributes and key not in found}
    return found


def wanted(at: Situation, claims: Claims) -> dict[AttributeId, Grant]:
    """Return which of these claims are worth collecting: granted, and not held already while fresh.

    What she lets us keep is used before what her login says again, so that it is really she who decides by keeping it.
    A provisional citizen's newest keys replace the older ones.
    """
    allowed = granted(at, claims)
    if at.person.provisional:
        return allowed
    return {attribute: grant for attribute, grant in allowed.items() if not _is_held(at, attribute)}


def _is_held(at: Situation, attribute: AttributeId) -> bool:
    asking = [c for c in at.dossier.components_of(at.party.party_uid) if attribute in c.attributes]
    if asking:
        return all(at.find_suiting(component, attribute) for component in asking)
    return any(at.usable(attribute))


def find_identifying_grant(at: Situation) -> Grant | None:
    """Return a valid grant of law under which she may be looked up merely to know who she is."""
    return _identifying(at.release_grants, at.now)


def _identifying(grants: Iterable[Grant], now: datetime) -> Grant | None:
    of_law = (g for g in grants if g.kind == "legal_basis" and g.is_valid(now))
    return next((g for g in of_law if not set(MATCH_KEYS) & set(g.opted_out)), None)


def may_be_identified(at: Situation) -> Grant | None:
    """Return the grant to identify a provisional citizen under: her keys are at hand, and no register said no (R5)."""
    at_hand = all(any(at.usable(key)) for key in MATCH_KEYS)
    if at.person.provisional and at_hand and identification_readiness(at) in (Readiness.READY, Readiness.FAILED):
        return find_identifying_grant(at)
    return None


def is_open(at: Situation, source: str, attribute: AttributeId) -> bool:
    """Say whether a register still has to be asked for an attribute: somebody else may have done so meanwhile."""
    return any(
        attribute in component.attributes
        and at.find_grant(attribute) is not None
        and at.find_suiting(component, attribute) is None
        and readiness(component, attribute, at).get(source) in (Readiness.READY, Readiness.FAILED)
        for component in at.dossier.components_of(at.party.party_uid)
    )


def next_step(at: Situation, tried: frozenset[tuple[str, AttributeId]]) -> Step | None:
    """Return the next register to ask, with all that it can be asked for at once; None when nothing is left to do.

    A register that failed before is asked again, once in each collection; a person who is provisional is not looked up.
    """
    if at.person.provisional:
        return None
    by_source: dict[str, dict[AttributeId, Grant]] = {}
    for component in at.dossier.components_of(at.party.party_uid):
        for attribute in component.attributes:
            grant = at.find_grant(attribute)
            if grant is None or attribute in at.in_flight or at.find_suiting(component, attribute):
                continue
            for source, state in readiness(component, attribute, at).items():
                may = state in (Readiness.READY, Readiness.FAILED)
                if source in REGISTRIES and may and (source, attribute) not in tried:
                    by_source.setdefault(source, {})[attribute] = grant
                    break
    return next((Step(source, under) for source, under in by_source.items()), None)
