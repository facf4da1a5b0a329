"""One page about many races."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.race.checking import Verdict
from tests.faults.race.racing import Race

_SHOWN = 20


@dataclass(frozen=True)
class Part:
    """Races run under one condition, and how long they took."""

    runs: Sequence[Race]
    seconds: float


def report(parts: Mapping[str, Part], verdicts: Mapping[str, Verdict], *, seed: int, leaves: int) -> str:
    """Write the page."""
    lines = [f"Withdrawal against release: {sum(len(part.runs) for part in parts.values())} races, seed {seed}"]
    for name, part in parts.items():
        lines += _about(name, part, verdicts[name])
    lines += ["", f"The log: {leaves} leaves, held against its checkpoint and every signature."]
    violations = list(dict.fromkeys(each for verdict in verdicts.values() for each in verdict.violations))
    if not violations:
        lines.append("0 violations: no released_at after effective_by, one leaf a release, one confirmation each.")
    else:
        lines += [f"{len(violations)} VIOLATIONS", *(f"  {each}" for each in violations[:_SHOWN])]
    return "\n".join(lines)


def _about(name: str, part: Part, verdict: Verdict) -> Iterator[str]:
    closest = f"{verdict.closest.total_seconds():.3f} s" if verdict.closest is not None else "never"
    yield f"\n{name}: {verdict.races} races in {part.seconds:.0f} s, {verdict.races / part.seconds:.1f} a second"
    yield f"  signed releases in clients' hands: {verdict.releases}, races without any: {verdict.vain}"
    yield f"  of these after the withdrawal, before its effective_by: {verdict.overtaking}"
    yield f"  nearest a released_at came to its effective_by: {closest}"
    yield f"  refused: {_counted(sum((run.refusals for run in part.runs), Counter[str]()))}"
    yield f"  asked once more after effective_by: {_counted(Counter(run.late for run in part.runs))}"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name or 'nothing'} {number}" for name, number in counter.most_common())
