"""What docs/ says is held by tests is so: no dead test ids, no invariant, rule or attack without its row and test."""

import re
from pathlib import Path

import pytest

from tests.contract.named_tests import ROOT, existing, named_in

INVARIANTS = ROOT / "docs" / "invariants.md"
ATTACKS = ROOT / "docs" / "attacks.md"


def rows(document: Path) -> list[list[str]]:
    """Return the cells of every row of every table, without heads and rules."""
    lines = [line for line in document.read_text("utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if not set("".join(row)) <= set("-|: ") and "tests" not in row and "case" not in row]


@pytest.mark.parametrize("document", [INVARIANTS, ATTACKS], ids=lambda path: path.name)
def test_every_test_a_document_names_exists(document: Path) -> None:
    named = named_in(document.read_text("utf-8"))
    assert len(named) > 50
    assert set(named) - existing() == set()


@pytest.mark.parametrize("number", range(1, 13))
def test_every_invariant_has_its_row_and_tests(number: int) -> None:
    """I9 is to come: its row says so, and names what holds already."""
    ((_, what, tests),) = [row for row in rows(INVARIANTS) if row[0] == f"I{number}"]
    assert what
    assert named_in(tests)
    assert tests.startswith("to come") is (number == 9)


@pytest.mark.parametrize("number", range(1, 17))
def test_every_rule_has_tests_that_let_through_and_tests_that_refuse(number: int) -> None:
    ((_, what, through, refused),) = [row for row in rows(INVARIANTS) if row[0] == f"R{number}"]
    assert what
    assert named_in(through)
    assert named_in(refused)


def test_every_attack_has_a_test() -> None:
    cases = [row for row in rows(ATTACKS) if len(row) == 2]
    assert len(cases) >= 60
    assert [case for case, tests in cases if not named_in(tests)] == []


def test_no_test_id_stands_outside_backticks_where_nobody_checks_it() -> None:
    for document in (INVARIANTS, ATTACKS):
        text = document.read_text("utf-8")
        assert len(re.findall(r"tests/[\w/]+\.py::", text)) == len(named_in(text))
