"""`python -m infra.observability`: makes one release on this machine, and draws its trace for the README."""

import asyncio
import io
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from infra.compose.rights import FOLLOWS
from infra.demo.acts import Memory, birth_online
from infra.demo.cast import cast_of
from infra.demo.telling import Story
from infra.embedded.environment import ROOT, Ports
from infra.embedded.gateway import serving
from infra.embedded.laptop import laptop
from infra.embedded.processes import free_ports
from infra.observability.collector import Collector
from infra.observability.drawing import draw
from infra.observability.traces import Span, read_spans, trace_of

PICTURE = ROOT / "docs/pictures/trace.svg"
TITLE = "A release, from the request to its leaf in the log"
_FIRST = "reuse server POST /reuse/dossiers/{dossier_uid}/releases"
_LAST = {f"{reader} consumer process reuse.events" for reader, sources in FOLLOWS.items() if "reuse" in sources} | {
    "audit internal append leaf"
}
_PATIENCE = 60


async def _trace_of_a_release() -> list[Span]:
    *numbers, collecting = free_ports(len(Ports.__dataclass_fields__) + 1)
    collector = Collector(collecting)
    with TemporaryDirectory(prefix="motlan-trace-") as directory:
        running = laptop(Path(directory), Ports(*numbers), settings={"OTLP_ENDPOINT": collector.address})
        async with serving(collector.config()), running as system, cast_of(system) as cast:
            await birth_online(Story(Console(file=io.StringIO())), cast, Memory())
            return await _sent_whole(collector)


async def _sent_whole(collector: Collector) -> list[Span]:
    """Wait until a release's trace has come to its leaf, and to everybody who takes in what it told."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        spans = read_spans(collector.traces)
        for first in (span for span in spans if span.label == _FIRST):
            trace = trace_of(first, spans)
            if {span.label for span in trace} >= _LAST:
                return trace
        await asyncio.sleep(0.5)
    raise TimeoutError("the release's leaf was not sent in time")


def main() -> int:
    """Write the picture."""
    trace = asyncio.run(_trace_of_a_release())
    PICTURE.write_text(draw(trace, TITLE), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(trace)} spans")
    return 0


if __name__ == "__main__":
    sys.exit(main())
