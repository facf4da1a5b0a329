"""Draws the chart of the README: plain SVG, one bar a variant, a whisker from the least to the most of its rounds."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from tests.perf.report import Line, Table

PATH = Path("docs/pictures/bench.svg")
_WIDTH, _LEFT, _BAR, _STEP, _TOP = 760, 250, 20, 34, 44
_SCALE = _WIDTH - _LEFT - 90  # pixels of the longest bar
_INK, _QUIET, _OURS, _OTHERS = "#57606a", "#8c959f", "#2f6fdb", "#b0b8c1"


def draw(table: Table, ours: Sequence[str], beside: Sequence[str]) -> str:
    """Return the SVG of a table's ratios: those of `beside`, and in colour those of `ours`."""
    lines = [line for line in table.lines if line.name in (*ours, *beside)]
    longest = max(line.ratio.high for line in lines)
    height = _TOP + _STEP * len(lines) + 8
    bars = [_bar(line, _TOP + _STEP * n, longest, line.name in ours) for n, line in enumerate(lines)]
    title = f'<text x="0" y="18" font-size="15" font-weight="600" fill="{_INK}">{escape(table.title)}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13">\n<title>{escape(table.title)}</title>\n{title}\n'
        + "\n".join(bars)
        + "\n</svg>\n"
    )


def _bar(line: Line, y: int, longest: float, is_ours: bool) -> str:
    low, middle, high = (_SCALE * each / longest for each in (line.ratio.low, line.ratio.median, line.ratio.high))
    colour, centre = (_OURS if is_ours else _OTHERS), y + _BAR / 2
    return (
        f'<text x="{_LEFT - 10}" y="{y + 15}" text-anchor="end" fill="{_INK}">{escape(line.name)}</text>'
        f'<rect x="{_LEFT}" y="{y}" width="{middle:.1f}" height="{_BAR}" rx="3" fill="{colour}"/>'
        f'<path d="M{_LEFT + low:.1f} {centre}H{_LEFT + high:.1f}" stroke="{_QUIET}" stroke-width="2"/>'
        f'<text x="{_LEFT + high + 8:.1f}" y="{y + 15}" fill="{_INK}">{line.ratio.median:.2f}</text>'
    )
