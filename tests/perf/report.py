"""What was measured, as a table for people and as JSON for whatever compares runs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.perf.slices import Round, Spread, rate, ratio

FOLDER = Path(".run-bench")


@dataclass(frozen=True)
class Line:
    """One thing that was measured, and how it compares."""

    name: str
    rate: Spread
    ratio: Spread
    to: str
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Table:
    """Lines that were measured in one run."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Facts:
    """What is not compared within a run: a head, and rows as they are shown."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def compare(title: str, rounds: Sequence[Round], names: Mapping[str, str], to: str) -> Table:
    """Make a table of alternating slices, each compared with one of them; `names` says what each is called."""
    return Table(title, [_line(rounds, name, called, to, names[to]) for name, called in names.items()])


def processor_time(rounds: Sequence[Round], names: Mapping[str, str]) -> Facts:
    """Say how much processor time an answer took: what a core of its own would have to give."""
    rows = [
        [called, *(f"{Spread.of([getattr(each[name], who) for each in rounds]).median:,.0f}" for who in _WHO)]
        for name, called in names.items()
    ]
    return Facts("Processor time of an answer, in microseconds", ["", *_WHO.values()], rows)


_WHO = {"server": "the server", "database": "PostgreSQL"}


def _line(rounds: Sequence[Round], name: str, called: str, to: str, to_called: str) -> Line:
    p50, p99 = (Spread.of([getattr(each[name], q) for each in rounds]).median for q in ("p50", "p99"))
    return Line(called, rate(rounds, name), ratio(rounds, name, to), to_called, p50 or None, p99 or None)


def written(table: Table | Facts) -> str:
    """Write a table as Markdown, which reads well in a terminal too."""
    if isinstance(table, Table):
        head = ["", "a second", f"times {table.lines[0].to}", "min..max", "p50 ms", "p99 ms"]
        return written(Facts(table.title, head, [_cells(line) for line in table.lines]))
    rows = [table.head, ["---", *["--:"] * (len(table.head) - 1)], *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.head))]
    lines = ["| " + " | ".join(_padded(cell, widths, n) for n, cell in enumerate(row)) + " |" for row in rows]
    return "\n".join([f"\n{table.title}\n", *lines])


def _cells(line: Line) -> list[str]:
    spread = f"{line.ratio.low:.3f}..{line.ratio.high:.3f}"
    times = [f"{ms:.1f}" if ms else "" for ms in (line.p50, line.p99)]
    return [line.name, f"{line.rate.median:,.0f}", f"{line.ratio.median:.3f}", spread, *times]


def _padded(cell: str, widths: Sequence[int], column: int) -> str:
    return cell.ljust(widths[column]) if column == 0 else cell.rjust(widths[column])


def keep(tables: Sequence[Table | Facts], about: Mapping[str, object]) -> Path:
    """Write everything to `.run-bench/bench.json`."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "bench.json"
    path.write_text(json.dumps({"about": about, "tables": [asdict(each) for each in tables]}, indent=1), "utf-8")
    return path
