"""What counts for a dossier is found among everything that was ever held of a citizen, and little of it is read."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any
from uuid import UUID

import pytest

from services.reuse.domain.dossier import Component
from services.reuse.domain.evidence import Held
from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, DossierUid, SubjectId
from services.reuse.domain.sources import Situation
from services.reuse.service import situation
from services.reuse.store import dossiers, evidence
from shared import clock
from tests.services.reuse.conftest import Opened, World
from tests.services.reuse.factories import make_held, make_person, party_with

pytestmark = pytest.mark.stack

ATTRIBUTES = (AttributeId("marriage.record"), AttributeId("person.full_name"))
GRADES = ("L0", "L2", "L4")
ORIGINS = (("vneid", "vneid", 1), ("vneid", "vneid", 2), ("registry", "population", None))


@pytest.mark.parametrize("seed", range(3))
async def test_what_is_read_decides_as_everything_held_would(world: World, seed: int) -> None:
    at, everything = await known(world, versions=400, seed=seed)
    whole = replace(at, held=tuple(everything))
    for component, attribute in product(asking(at), ATTRIBUTES):
        assert at.find_suiting(component, attribute) == whole.find_suiting(component, attribute)
        kinds = {(e.evidence.origin, e.evidence.level, e.evidence.value_grade) for e in at.usable(attribute)}
        assert kinds == {(e.evidence.origin, e.evidence.level, e.evidence.value_grade) for e in whole.usable(attribute)}


async def test_of_a_long_history_no_more_is_read_than_kinds_of_words_there_are(world: World) -> None:
    at, _ = await known(world, versions=500, seed=1)
    assert 0 < len(at.held) <= len(ATTRIBUTES) * len(ORIGINS) * len(GRADES)
    ended = [each for each in at.grants if each.state != "granted"]
    assert (len(at.grants), len(ended)) == (4, 1)  # the last that ended says what became of the keeping


async def known(world: World, *, versions: int, seed: int) -> tuple[Situation, Sequence[Held]]:
    """Return what reuse reads of a mother with a long history, and all of that history."""
    opened, other = await world.open(), await world.open()
    subject_id, law = await world.mother(opened)
    elsewhere = world.grant_of_law(other, "mother", subject_id)
    kept, half_kept = world.retention(subject_id, *ATTRIBUTES), world.retention(subject_id, ATTRIBUTES[0])
    ended = [world.retention(subject_id, *ATTRIBUTES) for _ in range(2)]
    for grant in (elsewhere, kept, half_kept, *ended):
        await world.arrives(grant)
    for grant in ended:
        await world.ends(grant)
    rng = Random(seed)  # noqa: S311 - a history to try, no secret
    everything = [held(rng, opened, rng.choice([law, elsewhere, kept, half_kept, *ended])) for _ in range(versions)]
    async with world.db.transaction() as tx:
        await evidence.data_key(tx, SubjectId(subject_id), b"\0" * 60, clock.now())
        for each in everything:
            await evidence.insert(tx, each.evidence, [each.holding], clock.now())
    async with world.db.read() as tx:
        dossier = await dossiers.get(tx, UUID(opened.uid))
        party, person = party_with(dossier, "mother"), make_person(subject_id=SubjectId(subject_id))
        at = await situation.read(
            tx, world.parts, dossier=dossier, party=party, person=person, subject_id=SubjectId(subject_id),
            agency_uid=dossier.receiving.uid, now=clock.now(),
        )  # fmt: skip
    return at, everything


def held(rng: Random, opened: Opened, grant: Grant) -> Held:
    """Make one version out of her history: any word of any source, collected at any time, held as long as it may be."""
    origin, source, level = rng.choice(ORIGINS)
    now = clock.now()
    legally: dict[str, Any] = {
        "scope": "legal_reuse",
        "grant_id": None,
        "dossier_uid": None,
        "rule_id": "r-1",
        "rule_version": 1,
    }
    made = make_held(
        rng.choice(ATTRIBUTES), grant, origin=origin, source=source, level=level, value_grade=rng.choice(GRADES),
        verified_at=now - timedelta(days=rng.uniform(0, 500)), sealed=b"\0" * 40, digest=b"\0" * 32,
        valid_until=rng.choice([None, now - timedelta(days=1), now + timedelta(days=1)]),
    )  # fmt: skip
    made = replace(made, evidence=replace(made.evidence, dossier_uid=DossierUid(UUID(opened.uid))))
    if rng.random() < 0.1:
        procedures = rng.choice([("1.001193",), ("9.999999",)])
        until = now + timedelta(days=rng.choice([-1, 1]))
        return replace(made, holding=replace(made.holding, procedures=procedures, until=until, **legally))
    return made


def asking(at: Situation) -> Iterator[Component]:
    """Yield components that ask for words as sure and as fresh as can be asked for."""
    component = at.dossier.components_of(at.party.party_uid)[0]
    for grade, age in product(GRADES, (1, 100, 1000)):
        yield replace(component, min_grade=grade, max_age_days=age)
