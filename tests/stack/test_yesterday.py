"""I12: yesterday's release of each service works beside today's, on one schema, one log and the same topics."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

from infra.embedded.environment import ROOT
from tests.faults.prove.proof import Plan, Proof, proof_in

pytestmark = pytest.mark.cluster

YESTERDAY = "7eeadfd"
"""The release before this one. Whoever makes a release moves it here."""

Verdict = Mapping[str, list[str]]


@pytest.fixture(scope="module")
async def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout of it."""
    there = await asyncio.create_subprocess_exec("git", "-C", str(ROOT), "cat-file", "-e", f"{YESTERDAY}^{{commit}}")
    if await there.wait():
        pytest.skip(f"this checkout has no history: {YESTERDAY} is not in it (git fetch --unshallow brings it)")
    folder = tmp_path_factory.mktemp("yesterday")
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", YESTERDAY], check=True, capture_output=True)  # noqa: ASYNC221 - of ours, and short
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)  # noqa: ASYNC221 - as above
    return folder


@pytest.fixture(scope="module")
async def proof(yesterday: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Proof]:
    """Play, and restart whoever comes, old and new."""
    data = tmp_path_factory.mktemp("both")
    async with proof_in(data, 12, brokers=1, kinds=["process restarted"], yesterday=yesterday) as opened:
        await opened.run(Plan(faults=8, writes=150, at_once=1, clients=2))
        yield opened


@pytest.fixture(scope="module")
async def verdict(proof: Proof) -> Verdict:
    return (await proof.end())[0]


def test_I12_old_and_new_both_worked_and_were_restarted_in_any_order(proof: Proof, yesterday: Path) -> None:
    assert len(proof.nemesis.done) >= 8
    old = [each for each in proof.cluster.instances if each.process.code == yesterday]
    assert len(old) == len(proof.cluster.instances) / 2
    for each in proof.cluster.instances:
        assert '"event":"request"' in each.process.log.read_text("utf-8"), each.name


def test_I12_nothing_that_either_was_told_is_lost_doubled_or_unproved(verdict: Verdict) -> None:
    assert {promise: broken for promise, broken in verdict.items() if broken} == {}
