"""The long run: `python -m tests.faults.prove --faults 500 --writes 500000 --seed N` prints one page."""

import argparse
import asyncio
import logging
import os
import secrets
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from tests.faults.processes import end_at_sigterm
from tests.faults.prove.nemesis import KINDS
from tests.faults.prove.proof import Plan, proof_in
from tests.faults.prove.report import report
from tests.teeth.guards import ROOT
from tests.teeth.trying import copy_tree

PATCHES = ROOT / "tests" / "teeth"


async def run(given: argparse.Namespace, data: Path) -> tuple[str, bool]:
    """Run a proof and return its page, and whether every promise was kept."""
    begun, names = time.monotonic(), {field.name for field in fields(Plan)}
    plan = Plan(**{name: value for name, value in vars(given).items() if name in names})
    code = await asyncio.to_thread(without, given.without, data) if given.without else ROOT
    async with proof_in(
        data, given.seed, instances=given.instances, brokers=given.brokers, kinds=given.kinds, code=code
    ) as proof:
        await proof.run(plan)
        acted = time.monotonic() - begun
        violations, leaves = await proof.end()
    page = report(proof, violations, seed=given.seed, leaves=leaves, acted=acted, seconds=time.monotonic() - begun)
    return page, not any(violations.values())


def without(guard: str, data: Path) -> Path:
    """Return a copy of this checkout from which a guard of tests/teeth is taken. Raises CalledProcessError."""
    tree = (data / "without").resolve()
    copy_tree(tree)
    taken = ["git", "apply", "--whitespace=nowarn", str(PATCHES / f"{guard}.patch")]
    subprocess.run(taken, cwd=tree, check=True, env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree)})
    return tree


def main() -> int:
    """Run, print, and say by the exit code whether every promise was kept; without a guard, whether one was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.faults.prove", description="The promises, while parts die.")
    options.add_argument("--faults", type=int, default=500)
    options.add_argument("--writes", type=int, default=500_000, help="acknowledged writes to reach as well")
    options.add_argument("--minutes", type=float, default=0, help="at the least")
    options.add_argument("--brokers-away", type=float, default=0, help="seconds, first of all, without any broker")
    options.add_argument("--kinds", nargs="*", default=(), choices=KINDS, help="of faults; all, if none is named")
    options.add_argument("--seed", type=int, default=secrets.randbits(32))
    options.add_argument("--instances", type=int, default=2, help="processes of each service")
    options.add_argument("--brokers", type=int, default=3)
    options.add_argument("--clients", type=int, default=6, help="clients that release, without pause if no rate is set")
    options.add_argument("--rate", type=float, default=0, help="releases a second, steadily; 0: as many as they can")
    options.add_argument("--burst", type=float, default=0, help="minutes, first of all, without rate or rest")
    options.add_argument("--races", type=int, default=4, help="withdrawals raced at a time; 0: none")
    options.add_argument("--breath", type=float, default=0, help="seconds between two stories of one actor")
    options.add_argument("--at-once", type=int, default=2, help="faults at a time")
    options.add_argument("--pause", type=float, default=1.5, help="seconds at most between two faults of one hand")
    options.add_argument("--without", metavar="GUARD", help="a patch of tests/teeth: without it a promise must break")
    options.add_argument("--data", type=Path, help="keep what came of it in this directory")
    given = options.parse_args()
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # it tells each try to reach a server that was just killed
    end_at_sigterm()
    quick = asyncio.Runner(loop_factory=uvloop.new_event_loop)  # it shares the machine with what it tries
    with TemporaryDirectory(prefix="motlan-prove-") as directory, quick as runner:
        told, kept = runner.run(run(given, given.data or Path(directory)))
    sys.stdout.write(told + "\n")
    return 0 if kept is not bool(given.without) else 1


if __name__ == "__main__":
    sys.exit(main())
