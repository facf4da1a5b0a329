"""Takes guards out of a copy of the tree, one at a time, and sees whether their tests notice."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.teeth.guards import ROOT, Guard

TIMEOUT = 300.0
# Others' plugins take longer to load than most tests to run.
LEAN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
# What a patch that merely breaks the code would raise: such a failure shows no tooth.
BREAKAGE = (
    "ImportError",
    "ModuleNotFoundError",
    "SyntaxError",
    "IndentationError",
    "NameError",
    "UnboundLocalError",
    "asyncpg.exceptions.PostgresSyntaxError",
    "asyncpg.exceptions.Undefined",
)


@dataclass(frozen=True)
class Verdict:
    """What became of a guard's tests without it: an empty `wrong` says that all of them noticed."""

    guard: Guard
    wrong: str
    seconds: float


def copy_tree(into: Path) -> None:
    """Copy what git knows of, as it lies in the working tree."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, into / name)


async def remove(guard: Guard, tree: Path, variables: Mapping[str, str]) -> Verdict:
    """Take one guard out of the copy, run its tests, and put it back."""
    started = time.monotonic()
    if refusal := _apply(guard, tree):
        return Verdict(guard, f"does not apply: {refusal}", 0)
    try:
        outcomes = await run(guard.tests, tree, variables)
    finally:
        _apply(guard, tree, "--reverse")
    wrong = [f"{test}: {told}" for test in guard.tests if (told := _missing(test, outcomes))]
    return Verdict(guard, "; ".join(wrong), time.monotonic() - started)


async def run(tests: Sequence[str], tree: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Run tests in the copy; returns per case `passed`, `skipped`, or `failed`/`error` with the first words of why."""
    report = tree / "report.xml"
    report.unlink(missing_ok=True)
    options = ["-q", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}"]
    with (tree / "pytest.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pytest", *options, *tests,
            cwd=tree, env={**os.environ, **variables, **LEAN}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        await asyncio.wait_for(process.wait(), TIMEOUT if len(tests) < 20 else TIMEOUT * 10)
    except TimeoutError:
        return {}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _outcomes(report) if report.exists() else {}


def _outcomes(report: Path) -> dict[str, str]:
    cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest wrote it just now
    return {f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case: ElementTree.Element) -> str:
    for kind, told in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        found = case.find(kind)
        if found is not None:
            return f"{told}: {(found.get('message') or '')[:160]}".replace("\n", " ")
    return "passed"


def _missing(test: str, outcomes: Mapping[str, str]) -> str | None:
    """Say what is wrong with how a test went without its guard; None when it failed as a test fails."""
    cases = [told for case, told in outcomes.items() if case == test or case.startswith(f"{test}[")]
    if not cases:
        return "was not run to its end"
    if errors := [told for told in cases if told.startswith("error")]:
        return errors[0]
    failures = [told for told in cases if told.startswith("failed")]
    if not failures:
        return "passes all the same"
    broken = [told for told in failures if told.removeprefix("failed: ").startswith(BREAKAGE)]
    return f"only breaks ({broken[0]})" if broken else None


def _apply(guard: Guard, tree: Path, *options: str) -> str:
    done = subprocess.run(
        ["git", "apply", "--whitespace=nowarn", *options, str(guard.patch_file)],
        cwd=tree, check=False, capture_output=True, text=True, env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree)},
    )  # fmt: skip
    return done.stderr.strip().splitlines()[0] if done.returncode else ""
