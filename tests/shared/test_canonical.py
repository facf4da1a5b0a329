"""There is one spelling of a JSON value, whichever encoder wrote it."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared import canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = TEXT | st.text("azAZ09._-", max_size=6)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_it_is_that_of_rfc_8785(value: Any) -> None:
    assert canonical.dumps(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("character", [chr(n) for n in (*range(0x20), 0x7F, 0x22, 0x5C, 0x2028, 0xFFFF, 0x1F600)])
def test_every_character_that_could_be_escaped_is_written_alike(character: str) -> None:
    assert canonical.dumps({"a": character}) == rfc8785.dumps({"a": character})


@pytest.mark.parametrize("value", [2**53, -(2**53), float("nan"), "\ud800", {"a": object()}, {1: 2}, (1.5, object())])
def test_what_cannot_be_carried_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical.dumps(value)
