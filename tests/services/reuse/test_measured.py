"""What comes of each release is counted: an operator sees the withheld and the unavailable apart from the refused."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.measures import REFUSALS, RELEASES
from shared.telemetry import Telemetry
from tests.services.reuse.conftest import Opened, World
from tests.shared.recording import Recording

pytestmark = pytest.mark.stack


def recording(world: World) -> Recording:
    """Have the service that was composed without a collector record from now on."""
    recorded = Recording()
    telemetry: Telemetry = world.service.app.state.telemetry
    vars(telemetry).update(vars(recorded.of("reuse")))
    return recorded


async def collected(world: World) -> Opened:
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    return opened


def counted(recorded: Recording) -> dict[object, float]:
    return {labels["outcome"]: count for labels, count in recorded.points(RELEASES)}


async def test_a_release_and_its_repeat_are_counted_apart(world: World) -> None:
    opened, key = await collected(world), str(uuid4())
    recorded = recording(world)
    for _ in range(2):
        assert (await world.release(opened, key=key)).status_code == 200
    await world.release(opened)
    assert counted(recorded) == {"released": 2, "repeated": 1}


async def test_a_refusal_is_counted_with_whose_fault_it_is(world: World) -> None:
    opened = await world.open()
    await world.mother(opened)
    recorded = recording(world)
    answer = await world.release(opened)
    assert answer.status_code == 403
    assert counted(recorded) == {"refused": 1}
    told = {(labels["fault"], labels["code"]): count for labels, count in recorded.points(REFUSALS)}
    assert told == {(answer.json()["fault"], answer.json()["code"]): 1}


async def test_what_consents_silence_forbids_is_unavailable(world: World) -> None:
    opened = await collected(world)
    await world.watermark(seconds_ago=5)
    world.consent.down = True
    recorded = recording(world)
    assert (await world.release(opened, fresh=False)).status_code == 503
    assert counted(recorded) == {"unavailable": 1}


async def test_what_was_authorised_and_not_sent_is_withheld(world: World) -> None:
    opened = await collected(world)
    parts = world.parts
    world.service.app.state.parts = replace(parts, lease=replace(parts.lease, commit_allowance=timedelta(seconds=-10)))
    await world.watermark(seconds_ago=2.6)
    recorded = recording(world)
    assert (await world.release(opened, fresh=False)).status_code == 503
    world.service.app.state.parts = parts
    assert counted(recorded) == {"withheld": 1}
