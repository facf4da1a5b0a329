"""kill -9 at the most telling points, of each process and server under load (I4); `python -m tests.faults.kills`."""

from collections.abc import AsyncGenerator, Mapping
from random import Random

import pytest

from infra.embedded.keyring import SERVICES
from tests.faults.kills.campaign import SERVERS, Campaign, campaign_in, points_of
from tests.faults.kills.checking import gather, judge

pytestmark = pytest.mark.stack

POINTS = (
    "identity: VNeID asked, login not kept",
    "identity: log in, after its commit",
    "identity: consent asked, ticket not handed over",
    "identity: decision read, not settled",
    "identity: give a code, after its commit",
    "identity: delete collected claims, before its commit",
    "identity: on consent.granted.v1, after its commit",
    "identity: published, not marked",
    "consent: open a request, after its commit",
    "consent: decide, before its commit",
    "consent: decide, after its commit",
    "consent: withdraw, after its commit",
    "consent: withdrawn, clock read, not confirmed",
    "consent: confirm a withdrawal, after its commit",
    "consent: numbered, not published",
    "consent: on reuse.released.v1, after its commit",
    "reuse: open a dossier, after its commit",
    "reuse: register asked, answer not recorded",
    "reuse: claims got, not kept",
    "reuse: claims kept, not confirmed",
    "reuse: authorised, not signed",
    "reuse: deposit a result, after its commit",
    "reuse: on consent.withdrawn.v1, after its commit",
    "reuse: published, not marked",
    "audit: leaf rows written, no checkpoint",
    "audit: checkpoint signed, not committed",
    "audit: sealed, not announced",
    "audit: keep an event, after its commit",
    "audit: number events, before its commit",
    "audit: note a reading, after its commit",
)

Verdict = Mapping[str, list[str]]


@pytest.fixture(scope="module")
async def campaign(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Campaign]:
    kills = {name: points_of(name, POINTS) for name in SERVICES} | {name: [None] for name in SERVERS}
    async with campaign_in(tmp_path_factory.mktemp("kills")) as opened:
        await opened.run(kills, Random(1))  # noqa: S311 - repeatable
        yield opened


@pytest.fixture(scope="module")
async def verdict(campaign: Campaign) -> Verdict:
    bundle = await campaign.end()
    found = await gather(campaign.running)
    assert campaign.ledger.acknowledged > 50
    assert len(found.leaves) > 200
    return judge(campaign, found, bundle)


@pytest.mark.parametrize("point", POINTS)
def test_a_process_died_at_this_point_and_came_back(campaign: Campaign, point: str) -> None:
    assert point in {death.point for death in campaign.deaths}


def test_kafka_and_postgresql_died_under_load_and_came_back(campaign: Campaign) -> None:
    assert {"kafka", "postgres"} <= {death.whose for death in campaign.deaths}


def test_I4_nothing_that_a_client_was_told_is_lost_and_nothing_has_happened_by_half(verdict: Verdict) -> None:
    assert verdict["lost"] == []


def test_I5_nothing_has_happened_twice_and_each_withdrawal_is_confirmed_once(verdict: Verdict) -> None:
    assert verdict["twice"] == []


def test_I3_numbers_have_no_holes_and_every_reader_has_every_event_whoever_died(verdict: Verdict) -> None:
    assert verdict["holes"] == []


def test_every_reader_has_taken_in_what_is_about_one_citizen_in_the_order_it_happened(verdict: Verdict) -> None:
    assert verdict["disordered"] == []


def test_all_services_agree_on_every_grant_after_all_those_deaths(verdict: Verdict) -> None:
    assert verdict["apart"] == []


def test_an_auditor_finds_the_log_whole_and_grown_from_every_checkpoint_that_was_kept(
    campaign: Campaign, verdict: Verdict
) -> None:
    assert len(campaign.checkpoints) > 3
    assert verdict["unproved"] == []


def test_nobody_who_tries_again_is_refused_and_no_service_logs_a_bug(verdict: Verdict) -> None:
    assert verdict["surprises"] == []
