"""What pages say: every state, use and end has its words, and a moment is never told too early."""

from datetime import UTC, datetime

from services.consent.domain.grant import EndReason
from services.consent.domain.states import GrantState
from services.consent.domain.use import UseKind
from services.consent.pages.words import END_WORDS, STATE_WORDS, USE_WORDS
from shared.vietnam import exactly


def test_every_state_end_and_use_has_its_words() -> None:
    assert set(STATE_WORDS) == set(GrantState)
    assert set(END_WORDS) == set(EndReason)
    assert set(USE_WORDS) == set(UseKind)


def test_a_withdrawals_moment_is_rounded_up_to_the_second() -> None:
    assert exactly(datetime(2026, 7, 1, 16, 59, 59, 1, tzinfo=UTC)) == "00:00:00 ngày 02/07/2026"
    assert exactly(datetime(2026, 7, 1, 1, 2, 3, tzinfo=UTC)) == "08:02:03 ngày 01/07/2026"
    assert exactly(datetime(2026, 7, 1, 16, 59, 59, 1, tzinfo=UTC), "en") == "2 July 2026, 00:00:00"
