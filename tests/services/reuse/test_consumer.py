"""What reuse does with others' events: once, in any order across subjects, and never on a reservation."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.reuse.consumer import HANDLERS
from shared import clock, ids
from shared.events import Notice, Received
from shared.messaging import note_sealed
from tests.services.reuse.conftest import Opened, World, code_of

pytestmark = pytest.mark.stack


async def identified(world: World, opened: Opened, role: str, *, state: str) -> UUID:
    """Let the event of a login arrive."""
    subject_id = ids.new()
    data: dict[str, Any] = {
        "dossier_uid": opened.uid,
        "party_uid": opened.party(role),
        "subject_id": str(subject_id),
        "state": state,
        "method": "login",
    }
    event = Received(
        source="identity", type="identity.party-identified.v1", id=ids.new(), key=str(subject_id), time=clock.now(),
        sequence=1, previous=0, partition=0, data=data, canonical=b"", signature=b"", kid="",
    )  # fmt: skip
    async with world.db.transaction() as tx:
        await HANDLERS[event.type](tx, event)
    return subject_id


async def subject_of(world: World, opened: Opened, role: str) -> UUID | None:
    """Return whose party it is as far as reuse knows."""
    return await world.value("SELECT subject_id FROM party WHERE party_uid = $1::text::uuid", opened.party(role))


async def test_a_reserved_party_is_nobodys_and_a_bound_one_is_hers_for_good(world: World) -> None:
    opened = await world.open()
    await identified(world, opened, "mother", state="reserved")
    assert await subject_of(world, opened, "mother") is None
    subject_id = await identified(world, opened, "mother", state="bound")
    await identified(world, opened, "mother", state="bound")
    assert await subject_of(world, opened, "mother") == subject_id


async def test_an_event_delivered_thrice_has_its_effect_once(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    kept = world.retention(subject_id, "marriage.record")
    await world.collect(opened)
    for _ in range(3):
        await world.arrives(kept)
    assert await world.value("SELECT count(*) FROM holding WHERE grant_id = $1", kept.grant_id) == 1
    for _ in range(3):
        await world.arrives(replace(kept, state="withdrawn", version=2), "withdrawn")
    assert await world.value("SELECT count(*) FROM holding WHERE grant_id = $1", kept.grant_id) == 0


async def test_an_event_of_a_dossier_nobody_knows_here_does_no_harm(world: World) -> None:
    opened = await world.open()
    unknown = Opened(str(ids.new()), {"parties": [{"party_uid": str(ids.new()), "roles": ["mother"]}]})
    await identified(world, unknown, "mother", state="bound")
    assert await subject_of(world, opened, "mother") is None


async def test_what_audit_has_sealed_does_not_stop_releases(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    await world.execute(
        """UPDATE outbox SET time = $1, sequence = 900000, partition = 0, previous = 0, canonical = '', kid = 'k',
                             signature = decode(repeat('00', 64), 'hex'), numbered_at = $1 WHERE key = $2""",
        clock.now() - timedelta(minutes=40), opened.uid,
    )  # fmt: skip
    assert code_of(await world.release(opened)) == (503, "log_unsealed")
    notice = Notice(
        source="audit", type="audit.sealed.v1", id=ids.new(), time=clock.now(), canonical=b"", signature=b"", kid="",
        data={"source": "reuse", "sequence": 900_000, "sealed_at": "", "tree_size": 1},
    )  # fmt: skip
    async with world.db.transaction() as tx:
        await note_sealed(tx, notice, of="reuse")
    assert (await world.release(opened)).status_code == 200
