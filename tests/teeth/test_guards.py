"""The list of guards is in order: every patch applies, every test it names exists; `make teeth` shows the rest."""

import re
import subprocess

import pytest

from tests.contract.named_tests import existing, without_parameters
from tests.teeth.guards import HERE, ROOT, Guard, load

GUARDS = load()


def test_there_are_enough_guards_and_each_has_a_name_of_its_own() -> None:
    names = [guard.name for guard in GUARDS]
    assert len(names) >= 20
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guards_patch_applies_to_the_code_as_it_is(guard: Guard) -> None:
    done = subprocess.run(
        ["git", "apply", "--check", "--whitespace=nowarn", guard.patch_file],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_what_a_guard_names_exists(guard: Guard) -> None:
    assert (ROOT / guard.where).is_file()
    assert f"a/{guard.where}" in guard.patch_file.read_text("utf-8")
    assert guard.tests
    assert {without_parameters(test) for test in guard.tests} <= existing()
    assert all(re.fullmatch(r"I([1-9]|1[012])|R([1-9]|1[0-6])", promise) for promise in guard.protects)


def test_no_patch_lies_about_without_a_guard() -> None:
    assert {path.name for path in HERE.glob("*.patch")} == {guard.patch for guard in GUARDS}
