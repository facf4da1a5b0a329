"""The tests there are, by the ids that documents name them by; read from the source, so that nothing is imported."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ID = re.compile(r"`(tests/[\w/]+\.py::\w+)(?:\[[^`\]]*\])?`")


@cache
def existing() -> frozenset[str]:
    """Return `tests/…/test_x.py::test_y` of every test function."""
    return frozenset(each for path in (ROOT / "tests").rglob("test_*.py") for each in _tests_of(path))


def named_in(text: str) -> list[str]:
    """Return the ids that a document names in backticks, their parameters left out."""
    return _ID.findall(text)


def without_parameters(test: str) -> str:
    """Return the id of the function of a parametrised test."""
    return test.partition("[")[0]


def _tests_of(path: Path) -> list[str]:
    module = ast.parse(path.read_text("utf-8"))
    functions = (each for each in module.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    name = path.relative_to(ROOT).as_posix()
    return [f"{name}::{each.name}" for each in functions if each.name.startswith("test_")]
