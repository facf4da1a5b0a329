"""One page about a campaign of kills."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median

from tests.faults.kills.campaign import Campaign


def report(campaign: Campaign, violations: Mapping[str, list[str]], *, seed: int, leaves: int, seconds: float) -> str:
    """Write it."""
    back: dict[str, list[float]] = defaultdict(list)
    points: dict[str, int] = defaultdict(int)
    for death in campaign.deaths:
        back[death.whose].append(death.back_after)
        points[death.point or f"{death.whose}: at any moment"] += 1
    lines = [
        f"{len(campaign.deaths)} kills in {seconds / 60:.1f} minutes, seed {seed}",
        "",
        f"{'killed':<12}{'times':>6}{'ready again after (median, slowest)':>40}",
        *(f"{whose:<12}{len(s):>6}{median(s):>30.1f} s{max(s):>6.1f} s" for whose, s in sorted(back.items())),
        "",
        f"stories played to their end   {campaign.stories}",
        f"acknowledged to clients       {campaign.ledger.acknowledged}",
        f"logins begun anew             {campaign.ledger.lost_logins}",
        f"leaves of the log             {leaves}",
        f"checkpoints kept meanwhile    {len(campaign.checkpoints)}",
        f"points died at                {sum(':' in point and 'moment' not in point for point in points)}",
        f"points not come to in time    {len(campaign.missed)}",
        "",
        *(f"{what:<30}{len(found)}" for what, found in violations.items()),
        *(f"  {what}: {each[:300]}" for what, found in violations.items() for each in found[:20]),
        "",
        *(f"{times:>4}  {point}" for point, times in sorted(points.items())),
        *(f"   -  {point}" for point in sorted(set(campaign.missed))),
    ]
    return "\n".join(lines)
