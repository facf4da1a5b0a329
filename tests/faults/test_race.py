"""Withdrawal against release (I2), raced over real processes and disturbed; many: `python -m tests.faults.race`."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from random import Random

import pytest

from tests.faults.race.checking import Verdict, judge
from tests.faults.race.citizens import Citizen
from tests.faults.race.disturbing import (
    broker_frozen,
    commits_held,
    confirming_held,
    consent_frozen,
    partition_of,
    poison,
    relay_held,
    reuse_clock_shifted,
    skip,
)
from tests.faults.race.field import Field, field_in, until
from tests.faults.race.log import Log, read_log
from tests.faults.race.racing import LEASE_SECONDS, Pace, Race, races

pytestmark = pytest.mark.stack

CALM = Pace(withdraw_within=0.5, pause=0.08)


@pytest.fixture(scope="module")
async def field(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Field]:
    async with field_in(tmp_path_factory.mktemp("race")) as opened:
        yield opened


async def raced(field: Field, citizens: Sequence[Citizen], pace: Pace, seed: int, at_once: int = 8) -> list[Race]:
    return await races(field.hands, citizens, Random(seed), pace, at_once=at_once)  # noqa: S311 - repeatable


async def judged(field: Field, runs: Sequence[Race]) -> tuple[Verdict, Log]:
    """Hold these races against the log; each of them must have had something to lose."""
    await field.until_sealed()
    log = await read_log(field.running)
    verdict = judge(runs, log)
    assert verdict.violations == []
    assert {run.late for run in runs}.isdisjoint({"released"})
    return verdict, log


async def alarm(field: Field, kind: str) -> None:
    async def raised() -> bool:
        return kind in await field.hands.alarms("reuse")

    await until(raised)


async def test_i2_nothing_is_released_after_the_moment_a_withdrawal_names(field: Field) -> None:
    runs = await raced(field, await field.town.citizens(40, "keeping", "release"), Pace(), seed=1)
    verdict, _ = await judged(field, runs)
    assert verdict.vain == 0
    assert verdict.overtaking > 0
    assert all(run.receipt for run in runs)
    assert {run.late for run in runs} == {"keeping_withdrawn", "consent_withdrawn"}


async def test_i2_holds_while_consents_events_are_late_and_who_did_not_withdraw_is_served_on(field: Field) -> None:
    citizens = await field.town.citizens(30, "keeping", "release")
    async with relay_held(field):
        steady = asyncio.create_task(served(field, citizens[:2], seconds=2 * LEASE_SECONDS))
        runs = await raced(field, citizens[2:], CALM, seed=2, at_once=14)
        assert await steady > 0
    verdict, _ = await judged(field, runs)
    assert verdict.vain == 0


async def served(field: Field, citizens: Sequence[Citizen], *, seconds: float) -> int:
    """Ask for what stands for so long; every time it is had."""
    answers, end = 0, asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        for citizen in citizens:
            assert (await field.hands.release(citizen, answers)).code == ""
            answers += 1
        await asyncio.sleep(0.1)
    return answers


async def test_i2_holds_while_relay_and_broker_are_frozen_and_consent_cannot_be_asked(field: Field) -> None:
    citizens = await field.town.citizens(12, "keeping", "release")
    async with AsyncExitStack() as frozen:
        await frozen.enter_async_context(broker_frozen(field))
        await frozen.enter_async_context(consent_frozen(field))
        runs = await raced(field, citizens, CALM, seed=3, at_once=12)
    assert any(run.refusals["consent_status_unknown"] for run in runs)
    verdict, _ = await judged(field, runs)
    assert verdict.vain == 0


async def test_i2_a_release_whose_commit_took_too_long_is_withheld_and_noted(field: Field) -> None:
    citizens = await field.town.citizens(12, "keeping", "release")
    async with commits_held(field, "release", on="INSERT", seconds=4.5):
        runs = await raced(field, citizens, Pace(withdraw_within=1, pause=0.05), seed=4, at_once=12)
    _, log = await judged(field, runs)
    assert log.withheld
    assert any(run.releases for run in runs)


async def test_i2_the_moment_is_counted_from_after_the_withdrawals_commit_however_long_that_takes(field: Field) -> None:
    citizens = await field.town.citizens(12, "keeping", "release")
    slow = 1.5 * LEASE_SECONDS
    async with commits_held(field, "consent_grant", on="UPDATE OF withdrawn_at", seconds=slow, database="consent"):
        runs = await raced(field, citizens, CALM, seed=10, at_once=12)
    verdict, _ = await judged(field, runs)
    assert verdict.vain == 0


async def test_i1_a_release_waits_for_the_end_of_a_grant_that_is_being_written_down(field: Field) -> None:
    citizens = await field.town.citizens(12, "keeping")
    async with commits_held(field, "grant_copy", on="UPDATE", seconds=0.8):
        runs = await raced(field, citizens, Pace(withdraw_within=0.2), seed=5, at_once=3)
    verdict, log = await judged(field, runs)
    assert verdict.vain == 0
    assert log.deleted


async def test_i2_holds_with_clocks_apart_by_less_than_is_allowed(field: Field) -> None:
    async with reuse_clock_shifted(field, -900):  # behind: what is known here looks newer than it is
        await started_anew(field, "reuse", "reuse-2", REUSE_SKEW_SECONDS="1.2")
        citizens = await field.town.citizens(20, "keeping", "release")
        spread = Pace(withdraw_within=3, pause=0.15)  # so that some withdraw just after the last watermark
        racing = asyncio.create_task(raced(field, citizens, spread, seed=6, at_once=20))
        await until(lambda: begun(field, citizens))
        async with relay_held(field):
            runs = await racing
    await started_anew(field, "reuse", "reuse-2", REUSE_SKEW_SECONDS="0.5")
    verdict, _ = await judged(field, runs)
    assert verdict.vain == 0


async def begun(field: Field, citizens: Sequence[Citizen]) -> bool:
    async with field.consent.read() as tx:
        sql = "SELECT EXISTS (SELECT FROM consent_grant WHERE grant_id = ANY($1) AND state = 'withdrawn')"
        return await tx.fetchval(sql, [each.grant_id for each in citizens])


async def test_i2_with_clocks_further_apart_nothing_is_released_and_an_alarm_says_why(field: Field) -> None:
    citizens = await field.town.citizens(4, "keeping", "release")
    async with reuse_clock_shifted(field, -900):
        await started_anew(field, "reuse")
        await alarm(field, "clock_skew")
        runs = await raced(field, citizens, Pace(withdraw_within=0.1, pause=0.2), seed=7)
    await started_anew(field, "reuse")
    await judged(field, runs)
    assert {code for run in runs for code in run.refusals} == {"clock_skew"}
    assert not any(run.releases for run in runs)


async def started_anew(field: Field, *names: str, **more: str) -> None:
    """End these and start them again: at its start a replica compares the clocks, for all of them."""
    await asyncio.gather(*(field.running[name].end() for name in names))
    await asyncio.gather(*(field.running[name].start(**more) for name in names))


async def test_i2_a_withdrawal_whose_process_is_killed_is_confirmed_once_without_a_retry(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizens, consent = await field.town.citizens(4, "keeping", "release"), field.running["consent"]
    monkeypatch.setattr(field.hands, "consent", [consent.url])  # all of them ask the one that dies
    async with confirming_held(field):
        racing = asyncio.create_task(raced(field, citizens, Pace(pause=0.1), seed=8))
        await until(lambda: unconfirmed(field, len(citizens)))
        await consent.kill()
    await consent.start()
    runs = await racing
    assert not any(run.receipt for run in runs)
    await until(lambda: unconfirmed(field, 0))
    await judged(field, runs)
    for run in runs:  # she presses the button once more, and is told the moment that was named without her
        location = await field.hands.withdraw(run.citizen)
        run.receipt = await field.hands.receipt(run.citizen, location or "")
    await judged(field, runs)


async def unconfirmed(field: Field, count: int) -> bool:
    async with field.consent.read() as tx:
        sql = "SELECT count(*) FROM consent_grant WHERE state = 'withdrawn' AND effective_by IS NULL"
        return await tx.fetchval(sql) == count


async def test_i2_behind_an_event_that_cannot_be_applied_consent_is_asked(field: Field) -> None:
    victim, *others = await field.town.citizens(12, "keeping")
    beside = [each for each in others if partition_of(each) == partition_of(victim)]
    await poison(field, victim)
    await alarm(field, "parked")
    runs = await raced(field, [victim, *beside], CALM, seed=9)
    await judged(field, runs)
    assert all(run.releases for run in runs)


async def test_i2_behind_a_gap_in_consents_numbers_consent_is_asked(field: Field) -> None:
    citizens = await field.town.citizens(4, "keeping", "release")
    await asyncio.gather(*(field.running[name].end() for name in ("reuse", "reuse-2")))
    runs = [Race(citizen) for citizen in citizens]
    for run in runs:
        location = await field.hands.withdraw(run.citizen)
        run.receipt = await field.hands.receipt(run.citizen, location or "")
    await field.until_published()
    for partition in {partition_of(each) for each in citizens}:
        await skip(field, partition)
    await field.running.start("reuse", "reuse-2")
    await alarm(field, "gap")
    await asyncio.sleep(LEASE_SECONDS)  # what an old watermark vouched for is over; only a wrong one would release now
    for run in runs:
        run.note(await field.hands.release(run.citizen))
        run.late = "" if not run.releases else "released"
    await judged(field, runs)
