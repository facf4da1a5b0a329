"""Who may do what: each check once accepting and once refusing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.consent import policy
from services.consent.domain.dossier import (
    AttributeNotAllowed,
    Capacity,
    DossierClosed,
    Known,
    Party,
    UnknownDossier,
    check_allowed,
)
from services.consent.domain.ids import SubjectId
from shared import ids
from shared.tokens import Actor, AgencyRef, Caller, Mandate
from tests.services.consent.factories import NOW, make_consent, make_dossier, make_grant, make_request


def make_caller(**changes: Any) -> Caller:
    values: dict[str, Any] = {
        "client_id": "justice-system",
        "sub": None,
        "subject_id": None,
        "agency": AgencyRef("ag-000101", "Ủy ban nhân dân phường Hồng An", "justice"),
        "mandate": Mandate("m-000101", "procedure", ("1.001193",), NOW + timedelta(days=1)),
        "actor": Actor("officer", "off-7", "Công chức tư pháp - hộ tịch"),
        "dossier_uid": None,
        "party_uid": None,
        "attributes": (),
        "token_id": "t",
        "expires_at": NOW + timedelta(minutes=5),
        "acr": None,
        "auth_time": None,
    }
    return Caller(**values | changes)


def make_party(**changes: Any) -> Party:
    known = Known(SubjectId(ids.new()), "pairwise-mother-01", "justice")
    return replace(Party(known, Capacity.SELF), **changes)


def test_r1_an_officer_whose_mandate_covers_procedure_and_agency_may_decide() -> None:
    policy.check_may_decide(make_caller(), make_dossier(), NOW)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"mandate": Mandate("m", "procedure", ("1.001612",), None)}, policy.MandateMissing),
        ({"mandate": Mandate("m", "procedure", (), None)}, policy.MandateMissing),
        ({"mandate": Mandate("m", "audit", ("1.001193",), None)}, policy.MandateMissing),
        ({"mandate": Mandate("m", "procedure", ("1.001193",), NOW)}, policy.MandateMissing),
        ({"actor": Actor("automated")}, policy.OfficerNeeded),
        ({"actor": Actor("citizen")}, policy.OfficerNeeded),
        ({"client_id": "business-system"}, UnknownDossier),
        ({"agency": AgencyRef("ag-000201", "Ngô Quyền", "justice")}, UnknownDossier),
    ],
)
def test_r1_whoever_is_not_mandated_now_may_not_decide(changes: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        policy.check_may_decide(make_caller(**changes), make_dossier(), NOW)


def test_r3_a_closed_dossier_has_nothing_left_to_ask() -> None:
    dossier = make_dossier()
    assert dossier.components_of(dossier.parties[0].party_uid)
    with pytest.raises(DossierClosed):
        replace(dossier, closed=True).components_of(dossier.parties[0].party_uid)


def test_r5_a_party_without_subject_has_nothing_to_grant() -> None:
    with pytest.raises(policy.PartyUnidentified):
        policy.check_identified(make_party(known=None))


def test_r5_an_identified_party_has_provisional_or_not() -> None:
    party = make_party()
    assert policy.check_identified(party) is party.known


def test_r7_what_the_pinned_procedure_asks_may_be_asked() -> None:
    check_allowed(make_dossier().components, ["person.pin"])


def test_r7_more_than_the_pinned_procedure_asks_is_refused_by_name() -> None:
    with pytest.raises(AttributeNotAllowed, match=r"person\.religion"):
        check_allowed(make_dossier().components, ["person.pin", "person.religion"])


def test_r12_an_adult_answers_herself() -> None:
    policy.check_answers_herself(Capacity.SELF)


@pytest.mark.parametrize("capacity", [Capacity.BOTH, Capacity.REPRESENTATIVE])
def test_r12_a_child_does_not_answer_alone(capacity: Capacity) -> None:
    with pytest.raises(policy.RepresentationRequired):
        policy.check_answers_herself(capacity)


def test_r12_an_identified_adult_of_the_dossier_may_represent() -> None:
    policy.check_may_represent(make_party(), policy.check_identified(make_party()))


def test_r12_nobody_represents_who_is_unknown_a_child_or_the_person_herself() -> None:
    child = make_party()
    represented = policy.check_identified(child)
    for representative in (make_party(known=None), make_party(capacity=Capacity.BOTH), child):
        with pytest.raises(policy.RepresentationRequired):
            policy.check_may_represent(representative, represented)


def test_the_browser_that_logged_in_may_answer_and_no_other() -> None:
    request = make_request()
    assert policy.check_may_answer(request.way.browser_hash, request) is request
    for browser, found in ((b"x" * 32, request), (None, request), (request.way.browser_hash, None)):
        with pytest.raises(policy.UnknownRequest):
            policy.check_may_answer(browser, found)


def test_a_stranger_cannot_tell_a_foreign_grant_from_a_missing_one() -> None:
    grant = make_grant()
    to = grant.recipient
    assert to
    assert policy.check_is_recipients(make_caller(), grant) is grant
    of_her_login = make_caller(dossier_uid=str(to.dossier_uid), party_uid=str(to.party_uid))
    assert policy.check_is_recipients(of_her_login, grant) is grant
    for caller, found in (
        (make_caller(client_id="business-system"), grant),
        (make_caller(agency=AgencyRef("ag-000201", "Ngô Quyền", "justice")), grant),
        (make_caller(), make_consent()),
        (make_caller(), None),
        (make_caller(dossier_uid=str(uuid4()), party_uid=str(to.party_uid)), grant),
        (make_caller(dossier_uid=str(to.dossier_uid), party_uid=str(uuid4())), grant),
    ):
        with pytest.raises(policy.UnknownGrant):
            policy.check_is_recipients(caller, found)


def test_a_grant_is_hers_and_nobody_elses() -> None:
    grant = make_grant()
    assert policy.check_is_hers(grant.subject_id, grant) is grant
    with pytest.raises(policy.UnknownGrant):
        policy.check_is_hers(SubjectId(ids.new()), grant)
