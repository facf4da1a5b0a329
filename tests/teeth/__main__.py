"""`make teeth`: shows of every guard that a test fails without it. Ends with 1 if one does not."""

import argparse
import asyncio
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.embedded.processes import free_ports
from infra.embedded.stack import Stack
from tests.teeth import borrowed, trying
from tests.teeth.guards import Guard, load


def main() -> int:
    """Choose the guards, try them, and print what was found."""
    chosen = _chosen(_arguments())
    with TemporaryDirectory(prefix="motlan-teeth-") as directory:
        return asyncio.run(_try_all(chosen, Path(directory)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.teeth", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these guards, by the names of their patches")
    parser.add_argument("--sample", type=int, metavar="N", help="N of them, drawn by the seed")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="for --sample; told if not given")
    return parser.parse_args()


def _chosen(arguments: argparse.Namespace) -> list[Guard]:
    guards = list(load())
    if arguments.only:
        unknown = set(arguments.only) - {guard.name for guard in guards}
        if unknown:
            sys.exit(f"No such guard: {', '.join(sorted(unknown))}")
        return [guard for guard in guards if guard.name in arguments.only]
    if arguments.sample:
        seed = random.randrange(10**6) if arguments.seed is None else arguments.seed  # noqa: S311 - draws a sample
        print(f"A sample of {arguments.sample} by seed {seed}.", flush=True)  # noqa: T201
        return random.Random(seed).sample(guards, min(arguments.sample, len(guards)))  # noqa: S311 - draws a sample
    return guards


async def _try_all(guards: list[Guard], directory: Path) -> int:
    tree, data = directory / "tree", directory / "stack"
    tree.mkdir()
    trying.copy_tree(tree)
    postgres, kafka, controller = free_ports(3)
    async with Stack(data, postgres_port=postgres, kafka_port=kafka, kafka_controller_port=controller) as stack:
        borrowed.lend(stack, data)
        variables = {borrowed.VARIABLE: str(data)}
        if unsound := await _unsound(guards, tree, variables):
            _say(f"These do not pass as the code is: {', '.join(unsound)}")
            return 1
        verdicts: list[trying.Verdict] = []
        for guard in guards:
            verdicts.append(await trying.remove(guard, tree, variables))
            _say(_line(verdicts[-1]))
    toothless = [verdict for verdict in verdicts if verdict.wrong]
    _say(f"{len(verdicts) - len(toothless)} of {len(verdicts)} guards are missed when they are gone.")
    return 1 if toothless else 0


async def _unsound(guards: list[Guard], tree: Path, variables: dict[str, str]) -> list[str]:
    """Return the named tests that do not pass with all guards in place."""
    tests = sorted({test for guard in guards for test in guard.tests})
    outcomes = await trying.run(tests, tree, variables)
    if not outcomes:
        return [(tree / "pytest.log").read_text("utf-8", "replace")[-2000:]]
    failed = [f"{case} ({told})" for case, told in outcomes.items() if told != "passed"]
    return failed + [test for test in tests if not any(case.startswith(test) for case in outcomes)]


def _line(verdict: trying.Verdict) -> str:
    mark = "TOOTHLESS" if verdict.wrong else "bites"
    told = verdict.wrong or ", ".join(test.rpartition("::")[2] for test in verdict.guard.tests)
    protects = " ".join(verdict.guard.protects)
    return f"{mark:9} {verdict.guard.name:34} {protects:12} {verdict.seconds:5.1f} s  {told}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - a command talks to whoever typed it


if __name__ == "__main__":
    sys.exit(main())
