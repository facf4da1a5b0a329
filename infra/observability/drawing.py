"""Draws one trace as plain SVG: a bar a span, in the colour of its service, indented under what caused it."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from infra.observability.traces import Span

_WIDTH, _LEFT, _ROW, _TOP = 960, 430, 24, 74
_SCALE = _WIDTH - _LEFT - 90  # pixels of the whole trace
_INK, _QUIET, _RULE = "#57606a", "#8c959f", "#d8dee4"
_COLOURS = {"identity": "#8250df", "consent": "#1a7f37", "reuse": "#2f6fdb", "audit": "#bf6a02"}


def draw(trace: Sequence[Span], title: str) -> str:
    """Return the SVG of a trace."""
    rows = list(_in_order(trace, b""))
    start, end = min(span.start for span in trace), max(span.end for span in trace)
    height = _TOP + _ROW * len(rows) + 12
    body = [_row(span, depth, _TOP + _ROW * n, start, end) for n, (depth, span) in enumerate(rows)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="12">\n<title>{escape(title)}</title>\n'
        f'<text x="0" y="18" font-size="15" font-weight="600" fill="{_INK}">{escape(title)}</text>\n'
        + "\n".join([_legend(), _ruler(end - start, height), *body])
        + "\n</svg>\n"
    )


def _in_order(trace: Sequence[Span], parent: bytes, depth: int = 0) -> Iterator[tuple[int, Span]]:
    """Yield each span after what caused it, with how deep it lies; what no span here caused comes first."""
    known = {span.span_id for span in trace}
    for span in trace:
        if span.parent_id == parent or (not parent and span.parent_id not in known):
            yield depth, span
            yield from _in_order(trace, span.span_id, depth + 1)


def _legend() -> str:
    steps = enumerate(_COLOURS.items())
    return "".join(
        f'<rect x="{n * 90}" y="32" width="10" height="10" rx="2" fill="{colour}"/>'
        f'<text x="{n * 90 + 16}" y="41" fill="{_INK}">{service}</text>'
        for n, (service, colour) in steps
    )


def _ruler(length: int, height: int) -> str:
    marks = [(_LEFT + _SCALE * part / 4, f"{length / 1e6 * part / 4:.0f} ms") for part in range(5)]
    return "".join(
        f'<path d="M{x:.1f} 60V{height - 8}" stroke="{_RULE}"/>'
        f'<text x="{x:.1f}" y="54" text-anchor="middle" fill="{_QUIET}">{text}</text>'
        for x, text in marks
    )


def _row(span: Span, depth: int, y: int, start: int, end: int) -> str:
    at, width = (_SCALE * part / (end - start) for part in (span.start - start, span.end - span.start))
    took = (span.end - span.start) / 1e6
    return (
        f'<text x="{depth * 14}" y="{y + 15}" fill="{_INK}">{escape(span.name)}</text>'
        f'<rect x="{_LEFT + at:.1f}" y="{y + 4}" width="{max(width, 2):.1f}" height="14" rx="2" '
        f'fill="{_COLOURS[span.service]}"/>'
        f'<text x="{_LEFT + at + max(width, 2) + 6:.1f}" y="{y + 15}" fill="{_QUIET}">{took:.1f} ms</text>'
    )
