"""What state machines share: a total table (None: refused, or nothing to do), and the refusal of a move it lacks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from shared.errors import Conflict

State = TypeVar("State", bound=StrEnum)
Move = TypeVar("Move", bound=StrEnum)


class IllegalTransition(Conflict):
    """This cannot happen in the present state."""

    code = "illegal_transition"


def after(table: Mapping[tuple[State, Move], State | None], state: State, move: Move) -> State:
    """Return the state that `move` leads to; raise `IllegalTransition`, which names the present state."""
    following = table[state, move]
    if following is None:
        raise IllegalTransition(f"{move} is not possible: the state is {state}")
    return following


def is_possible(table: Mapping[tuple[State, Move], State | None], state: State, move: Move) -> bool:
    """Say whether `move` leads anywhere."""
    return table[state, move] is not None


def diagram(table: Mapping[tuple[State, Move], State | None]) -> str:
    """Draw a table as a Mermaid state diagram, the one the README shows."""
    first = next(iter(table))[0]
    arrows = [f"    {start} --> {end}: {move}" for (start, move), end in table.items() if end is not None]
    ends = [f"    {state} --> [*]" for state in type(first) if not any(a.startswith(f"    {state} ") for a in arrows)]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *arrows, *ends])
