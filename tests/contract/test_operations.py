"""What operators are told is there, and what is there they are told."""

import re
from pathlib import Path

from shared.operate import make_parser

ROOT = Path(__file__).parent.parent.parent
TOLD = (ROOT / "docs" / "operations" / "mend.md").read_text("utf-8")


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
