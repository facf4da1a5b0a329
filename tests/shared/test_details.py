"""Every problem code has its sentence, and no sentence is left without a code."""

import importlib
import pkgutil
from collections.abc import Iterator

import services
import shared
from shared.details import DETAILS
from shared.errors import Problem
from shared.problems import problem_members


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    assert {kind.code for kind in _kinds()} == set(DETAILS)


def test_a_sentence_is_one_and_says_nothing_of_the_request() -> None:
    for code, sentence in DETAILS.items():
        assert sentence[0].isupper(), code
        assert sentence.endswith("."), code
        assert "{" not in sentence, code
        assert len(sentence) <= 120, code


def test_one_code_has_one_status_fault_and_answer_to_trying_again() -> None:
    told: dict[str, set[tuple[int, str, bool]]] = {}
    for kind in _kinds():
        members = problem_members(kind())
        told.setdefault(kind.code, set()).add((members["status"], members["fault"], members["retryable"]))
    assert {code: kinds for code, kinds in told.items() if len(kinds) > 1} == {}


def _kinds() -> list[type[Problem]]:
    for package in (shared, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    ours = (kind for kind in _below(Problem) if kind.__module__.split(".")[0] in ("shared", "services"))
    return [kind for kind in ours if "code" in vars(kind)]


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
