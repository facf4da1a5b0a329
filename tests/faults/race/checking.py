"""The judge: holds what clients got against what the log proves (I1, I2, I3), however the races were run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.events import written
from tests.faults.race.log import Log
from tests.faults.race.racing import Race


@dataclass(frozen=True)
class Verdict:
    """What was found; without violations the promise was kept."""

    races: int
    releases: int
    violations: list[str]
    closest: timedelta | None
    """The least by which a `released_at` came before its withdrawal's `effective_by`."""
    overtaking: int
    """Releases between a withdrawal and its `effective_by`: with none, nothing was raced."""
    vain: int
    """Races in which nothing was released before the withdrawal: they prove little."""


def judge(runs: Sequence[Race], log: Log) -> Verdict:
    """Check every race against the log."""
    violations = list(log.wrong)
    for run in runs:
        violations += _of_release_times(run)
        violations += _of_the_confirmation(run, log)
        violations += _of_leaves(run, log)
    violations += _of_evidence(log)
    spans = [
        run.receipt.effective_by - each.released_at
        for run in runs
        for each in run.releases
        if run.receipt and run.citizen.grant_id in each.grant_ids
    ]
    overtaking = sum(
        each.released_at > run.receipt.withdrawn_at for run in runs for each in run.releases if run.receipt
    )
    vain = sum(not run.releases for run in runs)
    releases = sum(len(run.releases) for run in runs)
    return Verdict(len(runs), releases, violations, min(spans, default=None), overtaking, vain)


def _of_release_times(run: Race) -> Iterator[str]:
    """I2: no signed answer with `released_at` after `effective_by`, and nothing at all for who asks only then.

    The second is told by the clock of the clients' host, which is that of consent's database: here both are on it.
    """
    if run.receipt is None:
        return
    for each in run.releases:
        if run.citizen.grant_id not in each.grant_ids:
            yield f"release {each.release_id} does not name the grant {run.citizen.grant_id}"
        if each.released_at > run.receipt.effective_by:
            late = each.released_at - run.receipt.effective_by
            yield f"release {each.release_id} is {late.total_seconds():.3f} s after effective_by"
        if each.asked_at > run.receipt.effective_by:
            late = each.asked_at - run.receipt.effective_by
            yield f"release {each.release_id} was asked for {late.total_seconds():.3f} s after effective_by"


def _of_the_confirmation(run: Race, log: Log) -> Iterator[str]:
    """Each withdrawal is confirmed once, and the receipt names the moment that the log has."""
    confirmed = log.confirmations.get(run.citizen.grant_id, [])
    if len(confirmed) != 1:
        yield f"the withdrawal of {run.citizen.grant_id} is confirmed {len(confirmed)} times"
    elif run.receipt and confirmed[0] != written(run.receipt.effective_by):
        yield f"the receipt of {run.citizen.grant_id} names another moment than the log"


def _of_leaves(run: Race, log: Log) -> Iterator[str]:
    """I3: each release that a client holds is one leaf, and none of them was noted as withheld."""
    for each in run.releases:
        if len(log.released.get(each.release_id, [])) != 1:
            yield f"release {each.release_id} has {len(log.released.get(each.release_id, []))} leaves"
        if each.release_id in log.withheld:
            yield f"release {each.release_id} is in a client's hands and noted as withheld"


def _of_evidence(log: Log) -> Iterable[str]:
    """I1: nothing is authorised out of evidence that reuse itself had deleted before, by the order of its numbers."""
    for evidence_id, deleted in log.deleted.items():
        for used in log.uses.get(evidence_id, []):
            if used > deleted:
                yield f"evidence {evidence_id} was deleted by event {deleted} and released by event {used}"
