"""What operators are told is there, and what is there they are told."""

import re
from pathlib import Path

from shared.operate import make_parser

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = ROOT / "docs" / "operations"
TOLD = (OPERATIONS / "mend.md").read_text("utf-8")
RUN_BY = {
    "make test": (".ci/run", "step make test\n"),
    "make test-stack": (".ci/run", "step make test-stack\n"),
    "make demo": ("tests/e2e/conftest.py", "infra.demo.acts"),
    "make demo STACK=compose": ("infra/lab/story.py", '*_MAKE, "demo", "STACK=compose"'),
    "make up": ("infra/lab/story.py", '*_MAKE, "up"'),
    "make doctor": ("infra/lab/story.py", '*_MAKE, "doctor"'),
    "make logs": ("infra/lab/story.py", '*_MAKE, "logs"'),
    "make down": ("infra/lab/story.py", '*_MAKE, "down"'),
    "docker compose exec": ("infra/lab/story.py", 'run("exec"'),
    "docker compose restart": ("infra/lab/story.py", '"restart", service'),
    "python -m services": ("tests/faults/test_refill.py", 'f"services.{service}", *command'),
    ".venv/bin/python -m infra.operate": ("tests/e2e/test_operating.py", "operate.main"),
}
"""Where CI runs what README and docs/operations tell people to type: a file, and the words in it."""


def raised() -> set[str]:
    """Return the kinds of alarm that code raises, but for those named by a variable (gap, parked)."""
    code = [path.read_text("utf-8") for top in ("shared", "services") for path in (ROOT / top).rglob("*.py")]
    return {kind for text in code for kind in re.findall(r'raise_alarm\(\s*tx,\s*"([a-z_]+)"', text)}


def test_every_alarm_that_can_be_raised_is_explained_to_operators() -> None:
    kinds = raised()
    assert len(kinds) >= 8
    assert not {kind for kind in kinds | {"gap", "parked"} if f"`{kind}`" not in TOLD}


def test_every_command_that_operators_are_told_exists() -> None:
    told = set(re.findall(r"python -m services\.[a-z]+ ([a-z-]+)", TOLD)) - {"verify"}
    assert told
    for command in told:
        arguments = ["consent.events"] if command == "drop-dead-letters" else []
        assert make_parser("reuse").parse_args([command, *arguments])


def typed() -> set[str]:
    """Return the commands that people are told to type, without remarks."""
    texts = [path.read_text("utf-8") for path in (ROOT / "README.md", *OPERATIONS.glob("*.md"))]
    return {line.split("#")[0].strip() for text in texts for line in re.findall(r"^\$ (.+)$", text, re.MULTILINE)}


def test_every_command_that_people_are_told_to_type_is_one_that_ci_runs() -> None:
    assert len(typed()) >= 15
    for command in typed():
        known = [each for each in RUN_BY if f"{command} ".startswith((f"{each} ", f"{each}."))]
        assert known, command
        file, words = RUN_BY[max(known, key=len)]
        assert words in (ROOT / file).read_text("utf-8"), command
