"""The withdrawal protocol (architecture §6): nothing is released on an old word of consent, nor signed too late."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from infra.embedded.stack import Stack
from services.reuse.clients.consent import AT_ONCE
from services.reuse.domain.lease import Lease
from services.reuse.service import clocks, grants
from shared import clock, ids
from tests.services.reuse.conftest import Opened, World, code_of, released_attributes, until_it_waits
from tests.services.reuse.doubles import PERSON

LEASE = Lease(timedelta(seconds=3), timedelta(seconds=0.5), timedelta(seconds=1))
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(("age", "allowed"), [(-0.6, False), (-0.5, True), (0, True), (1.5, True), (1.6, False)])
def test_what_consent_said_is_relied_on_for_the_lease_less_skew_and_commit(age: float, allowed: bool) -> None:
    assert LEASE.allows_authorising(NOW - timedelta(seconds=age), NOW) is allowed


def test_an_answer_is_signed_within_the_lease_less_skew() -> None:
    assert LEASE.allows_sending(NOW, NOW + timedelta(seconds=2.5))
    assert not LEASE.allows_sending(NOW, NOW + timedelta(seconds=2.6))


def test_half_the_bracket_is_what_a_clock_comparison_cannot_know() -> None:
    measured = clocks.measure(NOW, NOW + timedelta(seconds=0.3), NOW + timedelta(seconds=0.2))
    assert (measured.offset, measured.uncertainty) == (timedelta(seconds=0.2), timedelta(seconds=0.1))
    assert measured.is_within(timedelta(seconds=0.3))
    assert not measured.is_within(timedelta(seconds=0.29))
    assert measured.is_beyond(timedelta(seconds=0.09))
    assert not measured.is_beyond(timedelta(seconds=0.1))


async def collected(world: World) -> Opened:
    """Open a dossier and collect for the mother."""
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    world.consent.calls.clear()
    return opened


@pytest.mark.stack
async def test_a_fresh_watermark_needs_no_word_of_consent(world: World) -> None:
    opened = await collected(world)
    assert (await world.release(opened)).status_code == 200
    assert world.consent.calls["states"] == 0


@pytest.mark.stack
@pytest.mark.parametrize(("seconds_ago", "frozen"), [(1.7, False), (-0.8, False), (0.0, True)])
async def test_a_stale_future_or_frozen_watermark_makes_reuse_ask_consent(
    world: World, seconds_ago: float, frozen: bool
) -> None:
    opened = await collected(world)
    await world.watermark(seconds_ago=seconds_ago, frozen=frozen)
    assert (await world.release(opened, fresh=False)).status_code == 200
    assert world.consent.calls["states"] == 1


@pytest.mark.stack
async def test_when_consent_cannot_be_asked_nothing_is_released(world: World) -> None:
    opened = await collected(world)
    await world.watermark(seconds_ago=5)
    world.consent.down = True
    answer = await world.release(opened, fresh=False)
    assert code_of(answer) == (503, "consent_status_unknown")
    assert (answer.json()["fault"], answer.json()["retryable"]) == ("gateway", True)


@pytest.mark.stack
async def test_a_grant_that_has_not_arrived_is_asked_for_at_each_release_until_its_event_has(world: World) -> None:
    opened = await world.open()
    subject_id = world.identity.knows(opened.party("mother"))
    grant = world.grant_of_law(opened, "mother", subject_id)
    world.consent.grants[grant.grant_id] = grant
    world.identity.holds_claims(opened.party("mother"), dict(PERSON))
    await world.collect(opened)
    for _ in range(2):
        world.consent.calls.clear()
        assert (await world.release(opened, "parents-marriage")).status_code == 200
        assert world.consent.calls["states"] == 1
    await world.arrives(grant)
    world.consent.calls.clear()
    await world.release(opened, "parents-marriage")
    assert world.consent.calls["states"] == 0


@pytest.mark.stack
async def test_only_so_many_ask_consent_at_once_and_who_waits_too_long_is_told_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reuse.clients.consent.PATIENCE", 0.2)
    opened = await world.open()
    await world.mother(opened)
    await world.collect(opened)
    before = world.consent.calls["states"]
    monkeypatch.setattr(world.consent, "answering", asyncio.Event())
    await world.watermark(seconds_ago=60)
    asking = [asyncio.create_task(world.release(opened, "mother-identity", fresh=False)) for _ in range(AT_ONCE + 3)]
    refused, _ = await asyncio.wait(asking, timeout=1)
    assert [code_of(each.result()) for each in refused] == [(503, "consent_status_unknown")] * 3
    assert world.consent.calls["states"] - before == AT_ONCE
    world.consent.answering.set()
    answers = await asyncio.gather(*asking)
    assert sorted(each.status_code for each in answers) == [200] * AT_ONCE + [503] * 3
    assert (await world.release(opened, "mother-identity", fresh=False)).status_code == 200


@pytest.mark.stack
async def test_a_withdrawal_whose_event_is_late_is_learnt_from_consents_own_word(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.watermark(seconds_ago=2)
    world.consent.grants[grant.grant_id] = replace(grant, state="ended", version=2)
    assert code_of(await world.release(opened, "parents-marriage", fresh=False)) == (403, "legal_basis_ended")


@pytest.mark.stack
async def test_consent_is_asked_about_what_stands_and_not_about_all_that_ended_over_the_years(world: World) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    kept = world.retention(subject_id, "marriage.record")
    await world.arrives(kept)
    await world.ends(world.retention(subject_id, "residence.current"))
    over = {"valid_until": clock.now() - timedelta(days=1), "valid_from": clock.now() - timedelta(days=366)}
    await world.arrives(world.retention(subject_id, "residence.current", **over))
    await world.watermark(seconds_ago=5)
    await world.collect(opened)
    assert set(world.consent.named) == {str(grant.grant_id), str(kept.grant_id)}


@pytest.mark.stack
async def test_a_late_older_version_never_overwrites_a_newer_one(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.ends(grant, "ended")
    await world.arrives(grant)
    assert code_of(await world.release(opened, "parents-marriage")) == (403, "legal_basis_ended")


@pytest.mark.stack
async def test_an_older_version_does_not_overwrite_a_newer_one_that_is_just_being_taken_in(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    async with world.db.transaction() as tx:
        await grants.learn(tx, replace(grant, state="ended", version=grant.version + 2), now=clock.now())
        late = asyncio.create_task(world.arrives(replace(grant, version=grant.version + 1)))
        await until_it_waits(world, late)
        assert not late.done()
    await late
    assert await world.value("SELECT state FROM grant_copy WHERE grant_id = $1", grant.grant_id) == "ended"


@pytest.mark.stack
async def test_a_withdrawal_that_is_just_being_applied_is_waited_for(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.watermark()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE grant_copy SET state = 'ended', version = 2 WHERE grant_id = $1", grant.grant_id)
        waiting = asyncio.create_task(world.release(opened, "parents-marriage", fresh=False))
        await until_it_waits(world, waiting)
        assert not waiting.done()
    assert code_of(await waiting) == (403, "legal_basis_ended")
    assert await world.value("SELECT count(*) FROM release WHERE dossier_uid = $1", opened_uid(opened)) == 0


@pytest.mark.stack
async def test_a_closure_that_is_just_being_committed_is_waited_for(world: World) -> None:
    opened = await collected(world)
    await world.watermark()
    async with world.db.transaction() as tx:
        await tx.execute(
            "UPDATE dossier SET state = 'closed', closed_at = now(), outcome = 'granted' WHERE dossier_uid = $1",
            opened_uid(opened),
        )
        waiting = asyncio.create_task(world.release(opened, fresh=False))
        await until_it_waits(world, waiting)
        assert not waiting.done()
    assert code_of(await waiting) == (409, "dossier_closed")


@pytest.mark.stack
async def test_a_use_that_is_just_being_spent_is_waited_for(world: World) -> None:
    opened = await world.open()
    _, grant = await world.mother(opened)
    await world.collect(opened)
    await world.arrives(replace(grant, version=2, use_budget=1))
    await world.watermark()
    async with world.db.transaction() as tx:
        await tx.execute("UPDATE grant_use SET used = used + 1 WHERE grant_id = $1", grant.grant_id)
        waiting = asyncio.create_task(world.release(opened, "parents-marriage", fresh=False))
        await until_it_waits(world, waiting)
    assert code_of(await waiting) == (403, "grant_uses_spent")


@pytest.mark.stack
async def test_a_commit_that_took_too_long_is_not_signed_and_its_release_is_told_as_withheld(world: World) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    # An allowance as large as this is one commit that ate up all of it: the statement still authorises.
    world.service.app.state.parts = replace(
        parts := world.parts, lease=replace(parts.lease, commit_allowance=timedelta(seconds=-10))
    )
    await world.watermark(seconds_ago=2.6)
    answer = await world.release(opened, fresh=False)
    world.service.app.state.parts = parts
    assert code_of(answer) == (503, "consent_status_unknown")
    (withheld,) = [data for kind, data in await world.events(subject_id) if kind == "reuse.release-withheld.v1"]
    assert withheld["reason"] == "lease_exceeded"
    outcome = await world.value("SELECT outcome FROM release WHERE release_id = $1::text::uuid", withheld["release_id"])
    assert outcome == "withheld"


@pytest.mark.stack
async def test_a_commit_that_is_slow_itself_is_not_signed(world: World, slow_commits: float) -> None:
    opened = await world.open()
    subject_id, _ = await world.mother(opened)
    await world.collect(opened)
    world.service.app.state.parts = replace(
        parts := world.parts, lease=Lease(timedelta(seconds=slow_commits), timedelta(), timedelta())
    )
    answer = await world.release(opened)
    world.service.app.state.parts = parts
    assert code_of(answer) == (503, "consent_status_unknown")
    assert [data["reason"] for data in await withheld(world, subject_id)] == ["lease_exceeded"]


@pytest.mark.stack
async def test_a_right_that_ended_during_the_commit_is_not_signed(world: World, slow_commits: float) -> None:
    opened = await world.open()
    subject_id, grant = await world.mother(opened)
    await world.collect(opened)
    await world.execute(
        "UPDATE grant_copy SET valid_until = clock_timestamp() + make_interval(secs => $2) WHERE grant_id = $1",
        grant.grant_id, slow_commits,
    )  # fmt: skip
    world.service.app.state.parts = replace(
        parts := world.parts, lease=Lease(timedelta(minutes=5), timedelta(), timedelta())
    )
    answer = await world.release(opened)
    world.service.app.state.parts = parts
    assert code_of(answer) == (503, "consent_status_unknown")
    assert [data["reason"] for data in await withheld(world, subject_id)] == ["right_ended"]


@pytest.fixture
async def slow_commits(stack: Stack) -> AsyncGenerator[float]:
    """Let each commit of a release take three seconds: whatever it is authorised by has ended when it is over."""
    owner = await asyncpg.connect(stack.databases["reuse"].owner)
    await owner.execute(
        """CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END';
           CREATE CONSTRAINT TRIGGER dawdling AFTER INSERT ON release DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION dawdle()"""
    )
    yield 3.0
    await owner.execute("DROP TRIGGER dawdling ON release; DROP FUNCTION dawdle()")
    await owner.close()


async def withheld(world: World, subject_id: UUID) -> list[Any]:
    """Return what was told as withheld of a subject."""
    return [data for kind, data in await world.events(subject_id) if kind == "reuse.release-withheld.v1"]


@pytest.mark.stack
async def test_clocks_too_far_apart_stop_releases_with_an_alarm_until_they_agree_again(world: World) -> None:
    opened = await collected(world)
    world.consent.ahead = 2.0
    await clocks.compare(world.db, world.parts.consent, world.parts.lease.skew)
    assert code_of(await world.release(opened)) == (503, "clock_skew")
    assert await world.value("SELECT count(*) FROM alarm WHERE kind = 'clock_skew'") == 1
    world.consent.ahead = 0.0
    await clocks.compare(world.db, world.parts.consent, world.parts.lease.skew)
    assert (await world.release(opened)).status_code == 200
    assert await world.value("SELECT count(*) FROM alarm WHERE kind = 'clock_skew'") == 0


@pytest.mark.stack
async def test_a_comparison_that_took_too_long_to_prove_anything_leaves_the_last_verdict(world: World) -> None:
    opened = await collected(world)
    world.consent.slow, skew = 0.3, timedelta(seconds=0.1)
    assert not await clocks.compare(world.db, world.parts.consent, skew)
    assert (await world.release(opened)).status_code == 200
    assert await world.value("SELECT kind FROM alarm") == "clocks_not_compared"
    world.consent.ahead = 2.0  # so far apart that even this call proves it
    assert await clocks.compare(world.db, world.parts.consent, skew)
    assert code_of(await world.release(opened)) == (503, "clock_skew")
    assert await world.value("SELECT kind FROM alarm") == "clock_skew"
    world.consent.ahead = 0.0
    assert not await clocks.compare(world.db, world.parts.consent, skew)
    assert code_of(await world.release(opened)) == (503, "clock_skew")


@pytest.mark.stack
async def test_clocks_nobody_could_compare_for_minutes_stop_releases(world: World) -> None:
    opened = await collected(world)
    await world.execute("UPDATE clock_check SET measured_at = clock_timestamp() - interval '6 minutes'")
    assert code_of(await world.release(opened)) == (503, "clock_skew")


@pytest.mark.stack
async def test_while_the_log_does_not_keep_up_nothing_is_released(world: World) -> None:
    opened = await collected(world)
    event_id = ids.new()
    await world.execute(
        "INSERT INTO outbox (event_id, type, key, time, data) VALUES ($1, 'reuse.released.v1', 'old', $2, '{}')",
        event_id, clock.now() - timedelta(minutes=31),
    )  # fmt: skip
    assert code_of(await world.release(opened)) == (503, "log_unsealed")
    await world.execute("DELETE FROM outbox WHERE event_id = $1", event_id)
    assert (await world.release(opened)).status_code == 200


@pytest.mark.stack
async def test_T_of_a_release_is_journalled_with_it(world: World) -> None:
    opened = await collected(world)
    answer = await world.release(opened, "parents-marriage")
    assert released_attributes(answer) == {"marriage.record"}
    age = await world.value(
        "SELECT authorised_at - consent_t FROM release WHERE release_id = $1::text::uuid", answer.json()["release_id"]
    )
    assert timedelta() <= age <= timedelta(seconds=1.5)


def opened_uid(opened: Opened) -> str:
    """Return a dossier's uid as SQL takes it."""
    return opened.uid
