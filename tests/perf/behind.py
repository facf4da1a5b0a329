"""What goes on behind a release: relay, sequencer, and reading; a process on the server's core, `… <told.json>`."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import uvloop

from infra.embedded.processes import StackError, tail
from services.audit.domain.note import NoteKey
from shared.keys import ServiceKey
from shared.migrations import migrate
from tests.perf.driver import Variant, run_rounds
from tests.perf.freshness import kept_fresh
from tests.perf.pinning import cores, pin
from tests.perf.relaying import PARTITIONS, raw, relayed
from tests.perf.releasing import CITIZENS
from tests.perf.report import Table, compare
from tests.perf.sequencing import sequenced
from tests.perf.servers import serving
from tests.perf.slices import Slice
from tests.perf.taking_in import Grants
from tests.perf.world import World, brokered

_NAMES = {
    "raw": "aiokafka alone, idempotent, batched",
    "relay": "relay: number, sign, publish, mark",
    "sequencer": "log: leaf, tree, signed checkpoint",
    "grants": "reader: verify, inbox, apply a grant",
}
_BESIDE = {"release": "a release, with DPoP", **{name: _NAMES[name] for name in ("relay", "sequencer", "grants")}}
_TOPICS = {"reuse.events": PARTITIONS, "raw.events": PARTITIONS}


async def measure_behind(world: World, options: argparse.Namespace) -> list[Table]:
    """Run rounds of all of them and of releases in turn, on a broker and databases of their own."""
    filled = await world.reuse_with(CITIZENS)
    async with (
        brokered(world, _TOPICS) as bootstrap,
        kept_fresh(filled.dsn),
        serving("reuse", world.folder, filled.told) as server,
    ):
        told = world.folder / "behind.json"
        told.write_text(json.dumps(await _told(world, bootstrap) | {"core": cores()[0]}), "utf-8")
        release = Variant(server.port, server.pid, lambda count: world.city.releases(filled.targets, count))
        done: list[dict[str, Slice]] = []
        for _ in range(1 + options.rounds):
            [beside] = await run_rounds(
                {"release": release}, rounds=1, seconds=options.seconds, database=world.postgres.pid
            )
            done.append(beside | await _one_round(told, world.folder / "behind.log"))
    return [
        compare("Behind a release, one core each", done[1:], _NAMES, "raw"),
        compare("The same rounds, against releases", done[1:], _BESIDE, "release"),
    ]


async def _one_round(told: Path, log: Path) -> dict[str, Slice]:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.perf.behind", str(told), stdout=asyncio.subprocess.PIPE, stderr=output
        )
    out, _ = await process.communicate()
    if process.returncode:
        raise StackError(f"the process ended early: {tail(log)}")
    return {name: Slice(rate, 0, 0) for name, rate in json.loads(out).items()}


async def _told(world: World, bootstrap: str) -> dict[str, Any]:
    databases = await world.postgres.ensure_databases("relay", "sequencer")
    await migrate(databases["relay"].owner, "reuse")
    await migrate(databases["sequencer"].owner, "audit")
    return {
        "bootstrap": bootstrap,
        "reuse": databases["relay"].service,
        "audit": databases["sequencer"].service,
        "service_key": str(world.keyring.ed25519("reuse")),
        "consent_key": str(world.keyring.ed25519("consent")),
        "log_key": world.keyring.ed25519("audit-log").read_text("utf-8"),
    }


async def _run(told: dict[str, Any]) -> dict[str, float]:
    """Run each once and return its rate."""
    key = ServiceKey.load(Path(told["service_key"]))
    log_key = NoteKey.of_pem("bench.example/log", told["log_key"].encode())
    grants = Grants(told["reuse"], ServiceKey.load(Path(told["consent_key"])))
    return {
        "raw": await raw(told["bootstrap"]),
        "relay": await relayed(told["reuse"], told["bootstrap"], key),
        "sequencer": await sequenced(told["audit"], log_key),
        "grants": await grants.taken_in(),
    }


def main() -> None:
    """Go to the server's core and measure; what is logged goes where the log goes, the rates to stdout."""
    told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    pin(told["core"])
    rates, sys.stdout = sys.stdout, sys.stderr
    json.dump(uvloop.run(_run(told)), rates)


if __name__ == "__main__":
    main()
