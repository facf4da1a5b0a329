"""A request is answered once, in time, or not at all."""

from datetime import timedelta

import pytest

from services.consent.domain.item import Answer, AnswerMissing
from services.consent.domain.request import RequestLapsed
from services.consent.domain.states import RequestState
from shared.transitions import IllegalTransition
from tests.services.consent.factories import NOW, make_request

ANSWERS = {"i1": Answer.CONTINUE}


def test_an_answer_in_time_decides_it() -> None:
    decided = make_request().decide(ANSWERS, NOW)
    assert (decided.state, decided.answers, decided.closed_at) == (RequestState.DECIDED, ANSWERS, NOW)


def test_an_answer_after_thirteen_minutes_is_too_late() -> None:
    with pytest.raises(RequestLapsed):
        make_request().decide(ANSWERS, NOW + timedelta(minutes=13))
    with pytest.raises(RequestLapsed):
        make_request().abandon(NOW + timedelta(minutes=13))


def test_an_incomplete_answer_decides_nothing() -> None:
    with pytest.raises(AnswerMissing):
        make_request().decide({}, NOW)


def test_a_decided_request_is_not_decided_again() -> None:
    with pytest.raises(IllegalTransition):
        make_request().decide(ANSWERS, NOW).decide(ANSWERS, NOW)


def test_it_lapses_when_its_time_is_over() -> None:
    assert make_request().lapse(NOW + timedelta(minutes=13)).state is RequestState.LAPSED
