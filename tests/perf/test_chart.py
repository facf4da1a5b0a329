"""The chart shows what it is told to show, as long as it is."""

from xml.etree import ElementTree

from tests.perf.chart import draw
from tests.perf.report import Line, Table
from tests.perf.slices import Spread


def make_line(name: str, ratio: float) -> Line:
    return Line(name, Spread.of([1.0]), Spread(ratio, ratio / 2, ratio * 2), "theirs")


def test_bars_are_as_long_as_their_ratios_and_others_are_left_out() -> None:
    table = Table("A & B", [make_line("theirs", 1.0), make_line("ours", 0.5), make_line("limit", 9.0)])
    drawn = ElementTree.fromstring(draw(table, ["ours"], ["theirs"]))  # noqa: S314 - our own
    widths = [float(each.attrib["width"]) for each in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(widths) == 2
    assert widths[1] == widths[0] / 2
