"""One page about a proof."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median

from tests.faults.prove.cutting import NEEDS
from tests.faults.prove.nemesis import NOT_HERE, Fault
from tests.faults.prove.proof import Proof

_SHOWN = 20
_LONG_ENOUGH = 900.0


def report(
    proof: Proof, violations: Mapping[str, list[str]], *, seed: int, leaves: int, acted: float, seconds: float
) -> str:
    """Write it."""
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for fault in proof.nemesis.done:
        by_kind[fault.kind].append(fault)
    load, instances = proof.load, len(proof.cluster.instances)
    brokers = len(proof.cluster.running.stack.kafka.brokers)
    lines = [
        f"{len(proof.nemesis.done)} faults in {acted / 60:.1f} minutes, seed {seed}; judged after {seconds / 60:.1f}",
        f"{instances} processes of the services, {brokers} brokers, one PostgreSQL",
        "",
        f"{'fault':<28}{'times':>6}{'well again after (median, slowest)':>38}",
        *(_of_kind(kind, faults) for kind, faults in sorted(by_kind.items())),
        *([f"not done here, for want of {NEEDS}: {', '.join(sorted(NOT_HERE))}"] if NOT_HERE else []),
        "",
        f"acknowledged writes           {proof.acknowledged}",
        f"  of them releases            {load.acknowledged + sum(len(run.releases) for run in load.runs)}",
        f"withdrawals raced             {sum(bool(run.receipt) for run in load.runs)}",
        f"races a fault broke off       {len(load.interrupted)}",
        f"stories played to their end   {proof.campaign.stories}",
        f"logins begun anew             {proof.campaign.ledger.lost_logins}",
        f"leaves of the log             {leaves}",
        f"checkpoints kept meanwhile    {len(proof.campaign.checkpoints)}",
        f"refused for a while           {dict(sorted(load.refused.items()))}",
        *([f"acknowledged without broker   {proof.written_without_brokers}"] if proof.written_without_brokers else []),
        *_memory(proof),
        "",
        *(f"{what:<66}{len(found)}" for what, found in violations.items()),
        *(f"  {what}: {each[:300]}" for what, found in violations.items() for each in found[:_SHOWN]),
    ]
    return "\n".join(lines)


def _memory(proof: Proof) -> list[str]:
    """Tell how memory grew in processes that lived long enough to say."""
    grown = proof.memory.growth(at_least=_LONG_ENOUGH)
    return (
        ["", "MiB per hour", *(f"  {name:<14}{slope:>8.2f}" for name, slope in sorted(grown.items()))] if grown else []
    )


def _of_kind(kind: str, faults: list[Fault]) -> str:
    well = [fault.well_after for fault in faults]
    return f"{kind:<28}{len(faults):>6}{median(well):>28.1f} s{max(well):>6.1f} s"
