"""The three state machines are total, and the README draws them as they are."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from services.identity.domain.claims import CLAIMS_TRANSITIONS, ClaimsMove, ClaimsState
from services.identity.domain.flow import FLOW_TRANSITIONS, FlowMove, FlowState
from services.identity.domain.party import PARTY_TRANSITIONS, PartyMove, PartyState
from shared.transitions import IllegalTransition, after, diagram

MACHINES: list[tuple[Mapping[Any, Any], type[StrEnum], type[StrEnum]]] = [
    (FLOW_TRANSITIONS, FlowState, FlowMove),
    (PARTY_TRANSITIONS, PartyState, PartyMove),
    (CLAIMS_TRANSITIONS, ClaimsState, ClaimsMove),
]


@pytest.mark.parametrize(("table", "states", "moves"), MACHINES)
def test_every_state_says_what_every_move_does(
    table: Mapping[Any, Any], states: type[StrEnum], moves: type[StrEnum]
) -> None:
    assert set(table) == set(product(states, moves))
    for (state, move), following in table.items():
        if following is None:
            with pytest.raises(IllegalTransition):
                after(table, state, move)
        else:
            assert after(table, state, move) is following


@pytest.mark.parametrize(("table", "states", "moves"), MACHINES)
def test_the_readme_draws_the_table(table: Mapping[Any, Any], states: type[StrEnum], moves: type[StrEnum]) -> None:
    assert diagram(table) in Path("services/identity/README.md").read_text("utf-8")


def test_what_is_over_stays_over() -> None:
    for state in (ClaimsState.COLLECTED, ClaimsState.DISCARDED):
        assert all(CLAIMS_TRANSITIONS[state, move] is None for move in ClaimsMove)
    for state in (FlowState.ANSWERED, FlowState.CLOSED):
        assert all(FLOW_TRANSITIONS[state, move] is None for move in FlowMove)
    assert PARTY_TRANSITIONS[PartyState.BOUND, PartyMove.FREE] is None  # R4: for good
