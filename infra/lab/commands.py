"""Runs the programs the lab is made with, and tells what they said when one fails."""

import os
import shutil
import subprocess
from pathlib import Path

from platformdirs import user_cache_path

from infra.embedded.environment import ROOT
from infra.embedded.processes import StackError

HERE = Path(__file__).parent


def cache() -> Path:
    """Return the directory that holds what was built, kept between runs."""
    return user_cache_path("motlan", ensure_exists=True) / "lab"


def quietly(*argv: str | Path, cwd: Path = ROOT, **settings: str) -> str:
    """Run a program, with more variables, and return what it printed. Raises StackError with its last words."""
    try:
        done = subprocess.run(
            argv, env={**os.environ, **settings}, cwd=cwd, text=True, capture_output=True, check=False
        )
    except OSError as error:
        raise StackError(f"{argv[0]} could not be started: {error.strerror}") from error
    if done.returncode:
        raise StackError(f"{_line(argv)} failed:\n{_last(done.stdout + done.stderr)}")
    return done.stdout


def aloud(*argv: str | Path) -> None:
    """Run a program that speaks to whoever watches. Raises StackError if it fails."""
    if code := subprocess.run(argv, cwd=ROOT, check=False).returncode:
        raise StackError(f"{_line(argv)} failed with {code}.")


def needed(program: str, advice: str) -> str:
    """Return where the program is; StackError with the advice if it is nowhere."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        raise StackError(f"{program} is missing: {advice}")
    return found


def _line(argv: tuple[str | Path, ...]) -> str:
    return " ".join(str(word) for word in argv)


def _last(said: str, lines: int = 25) -> str:
    return "\n".join(said.splitlines()[-lines:])
