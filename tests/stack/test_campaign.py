"""Logins, releases and withdrawals over three brokers while these, database and services die or stand still."""

from collections.abc import AsyncGenerator, Mapping
from random import Random

import pytest

from infra.embedded.keyring import SERVICES
from tests.faults.kills.brokers import BROKER_FAULTS
from tests.faults.kills.campaign import Campaign, campaign_in
from tests.faults.kills.checking import gather, judge

pytestmark = pytest.mark.cluster

Verdict = Mapping[str, list[str]]


@pytest.fixture(scope="module")
async def campaign(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Campaign]:
    kills = {"brokers": list(BROKER_FAULTS), "postgres": [None], **{name: [None] for name in SERVICES}}
    async with campaign_in(tmp_path_factory.mktemp("cluster"), brokers=3) as opened:
        await opened.run(kills, Random(3))  # noqa: S311 - repeatable
        yield opened


@pytest.fixture(scope="module")
async def verdict(campaign: Campaign) -> Verdict:
    bundle = await campaign.end()
    found = await gather(campaign.running)
    assert campaign.ledger.acknowledged > 50
    return judge(campaign, found, bundle)


def test_each_fault_was_done_under_load_and_survived(campaign: Campaign) -> None:
    assert {death.point for death in campaign.deaths if death.whose == "brokers"} == set(BROKER_FAULTS)
    assert {death.whose for death in campaign.deaths} == {"brokers", "postgres", *SERVICES}


def test_I4_nothing_that_a_client_was_told_is_lost_and_nothing_has_happened_by_half(verdict: Verdict) -> None:
    assert verdict["lost"] == []


def test_I5_nothing_has_happened_twice_and_each_withdrawal_is_confirmed_once(verdict: Verdict) -> None:
    assert verdict["twice"] == []


def test_I3_numbers_have_no_holes_and_every_reader_has_every_event(verdict: Verdict) -> None:
    assert verdict["holes"] == []


def test_every_reader_has_taken_in_what_is_about_one_citizen_in_the_order_it_happened(verdict: Verdict) -> None:
    assert verdict["disordered"] == []


def test_all_services_agree_on_every_grant_after_all_that(verdict: Verdict) -> None:
    assert verdict["apart"] == []


def test_an_auditor_finds_the_log_whole_and_grown_from_every_checkpoint_that_was_kept(verdict: Verdict) -> None:
    assert verdict["unproved"] == []


def test_nobody_who_tries_again_is_refused_and_no_service_logs_a_bug(verdict: Verdict) -> None:
    assert verdict["surprises"] == []
