"""One page about many races."""

from collections import Counter
from collections.abc import Sequence

from tests.faults.race.checking import Verdict
from tests.faults.race.racing import Race


def report(verdict: Verdict, runs: Sequence[Race], *, seed: int, seconds: float) -> str:
    """Write the page; the word VIOLATIONS is in it only if there are some."""
    refusals = sum((run.refusals for run in runs), Counter[str]())
    after = Counter(run.late for run in runs)
    closest = f"{verdict.closest.total_seconds():.3f} s" if verdict.closest is not None else "-"
    lines = [
        f"Withdrawal against release: {verdict.races} races, seed {seed}",
        f"  {seconds:.0f} s, {verdict.races / seconds:.1f} races a second",
        f"  {verdict.releases} signed releases in clients' hands: {verdict.releases / max(1, verdict.races):.1f} each",
        f"  races in which none was had: {verdict.vain}",
        f"  the nearest released_at came {closest} before its effective_by",
        f"  refusals: {_counted(refusals)}",
        f"  asked once more after effective_by: {_counted(after)}",
    ]
    if verdict.violations:
        lines += [f"VIOLATIONS: {len(verdict.violations)}", *(f"  {each}" for each in verdict.violations[:20])]
    else:
        lines.append("No violations: every release before effective_by, one leaf each, one confirmation a withdrawal.")
    return "\n".join(lines)


def _counted(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counter.most_common())
