"""How one grant lives and ends."""

import pytest

from services.consent.domain.dossier import Basis
from services.consent.domain.grant import EndReason, StandsOnConsent, StandsOnLaw
from services.consent.domain.item import Scope
from services.consent.domain.states import GrantState
from shared.transitions import IllegalTransition
from tests.services.consent.factories import NOW, make_consent, make_grant


def test_r10_a_consent_can_be_withdrawn() -> None:
    withdrawn = make_consent().withdraw(NOW)
    assert (withdrawn.state, withdrawn.withdrawn_at, withdrawn.version) == (GrantState.WITHDRAWN, NOW, 2)
    assert withdrawn.effective_by is None


def test_r10_what_stands_on_law_cannot_be_withdrawn() -> None:
    with pytest.raises(StandsOnLaw):
        make_grant().withdraw(NOW)


def test_r11_a_right_of_law_is_ended_with_a_reason() -> None:
    ended = make_grant().end(NOW, EndReason.OFFICER, "wrong dossier")
    assert (ended.state, ended.end_reason, ended.ended_at) == (GrantState.ENDED, EndReason.OFFICER, NOW)


def test_r11_a_consent_is_not_ended_by_others() -> None:
    with pytest.raises(StandsOnConsent):
        make_consent().end(NOW, EndReason.OFFICER)


def test_a_consent_past_its_time_expires() -> None:
    assert make_consent().run_out(NOW).state is GrantState.EXPIRED


def test_a_withdrawn_consent_does_not_expire_any_more() -> None:
    with pytest.raises(IllegalTransition):
        make_consent().withdraw(NOW).run_out(NOW)


def test_kind_and_scope_follow_from_ground_and_recipient() -> None:
    assert (make_grant().kind, make_grant().scope) == (Basis.LEGAL_BASIS, Scope.RELEASE)
    assert (make_consent().kind, make_consent().scope) == (Basis.CONSENT, Scope.RETENTION)
