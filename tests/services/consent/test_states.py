"""The two state machines are total, and the README shows them as they are."""

from itertools import product
from pathlib import Path

import pytest

from services.consent.domain.states import (
    GRANT_TRANSITIONS,
    REQUEST_TRANSITIONS,
    GrantMove,
    GrantState,
    RequestMove,
    RequestState,
)
from shared.transitions import IllegalTransition, after, diagram

README = Path("services/consent/README.md")


def test_every_state_of_a_request_answers_every_move() -> None:
    assert set(REQUEST_TRANSITIONS) == set(product(RequestState, RequestMove))


def test_every_state_of_a_grant_answers_every_move() -> None:
    assert set(GRANT_TRANSITIONS) == set(product(GrantState, GrantMove))


@pytest.mark.parametrize(("state", "move"), [pair for pair, end in REQUEST_TRANSITIONS.items() if end is None])
def test_what_a_request_does_not_allow_is_a_conflict_that_names_its_state(
    state: RequestState, move: RequestMove
) -> None:
    with pytest.raises(IllegalTransition, match=f"the state is {state}"):
        after(REQUEST_TRANSITIONS, state, move)


@pytest.mark.parametrize(("state", "move"), [pair for pair, end in GRANT_TRANSITIONS.items() if end is None])
def test_what_a_grant_does_not_allow_is_a_conflict_that_names_its_state(state: GrantState, move: GrantMove) -> None:
    with pytest.raises(IllegalTransition, match=f"the state is {state}"):
        after(GRANT_TRANSITIONS, state, move)


def test_only_the_first_state_can_be_left() -> None:
    assert {state for (state, _), end in REQUEST_TRANSITIONS.items() if end} == {RequestState.REQUESTED}
    assert {state for (state, _), end in GRANT_TRANSITIONS.items() if end} == {GrantState.GRANTED}


def test_the_readme_draws_the_tables_as_they_are() -> None:
    readme = README.read_text("utf-8")
    assert diagram(REQUEST_TRANSITIONS) in readme
    assert diagram(GRANT_TRANSITIONS) in readme
