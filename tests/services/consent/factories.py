"""One maker per entity of consent, each with what a test does not care about filled in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.consent.domain.dossier import Basis, Component, Dossier, DossierParty, Rule
from services.consent.domain.giving import Subject
from services.consent.domain.grant import GivenBy, Giving, Grant, Ground, Origin, Recipient
from services.consent.domain.ids import AttributeId, DossierUid, GrantId, PartyUid, ReceiptId, RequestId, SubjectId
from services.consent.domain.item import Item, Scope
from services.consent.domain.notice import Notice, digest
from services.consent.domain.purpose import Purpose
from services.consent.domain.request import Asker, ConsentRequest, Login, Way
from shared import ids
from shared.languages import Words

NOW = datetime(2026, 3, 2, 3, 4, 5, tzinfo=UTC)
WORDS = Words("chữ", "words")


def attributes(*names: str) -> tuple[AttributeId, ...]:
    """Make attribute ids."""
    return tuple(AttributeId(name) for name in names)


def make_rule(**changes: Any) -> Rule:
    """Make the rule under which birth registration asks."""
    values: dict[str, Any] = {
        "id": "birth-registration",
        "version": 1,
        "letter": "19_1_c",
        "legal_refs": ("Nghị định 123/2015/NĐ-CP Điều 9",),
        "ends_on": None,
    }
    return Rule(**values | changes)


def make_purpose(**changes: Any) -> Purpose:
    """Make "keep these for my next procedure"."""
    values: dict[str, Any] = {
        "id": "keep_for_next_procedure",
        "version": 1,
        "scope": "retention",
        "title": Words("Giữ lại cho lần sau", "Keep for next time"),
        "text": WORDS,
        "if_refused": WORDS,
        "legal_refs": (),
        "days": 365,
        "attributes": None,
        "sha256": "0" * 64,
    }
    return Purpose(**values | changes)


def make_phone_purpose() -> Purpose:
    """Make the release consent "call me about this application"."""
    return make_purpose(id="contact_by_phone", scope="release", days=90)


def make_item(item_id: str = "i1", *names: str, rule: Rule | None = None, purpose: Purpose | None = None) -> Item:
    """Make an item that is told, unless a purpose makes it one that is asked."""
    scope = Scope(purpose.scope) if purpose else Scope.RELEASE
    told = rule or make_rule() if purpose is None else None
    return Item(item_id, scope, attributes(*names or ("person.full_name",)), WORDS, ("vneid",), told, purpose)


def make_component(party_uid: PartyUid, *names: str, **changes: Any) -> Component:
    """Make a component on the rule of birth registration."""
    values: dict[str, Any] = {
        "component_id": str(ids.new()),
        "party_uid": party_uid,
        "document": Words("Giấy tờ", "Paper"),
        "attributes": attributes(*names),
        "sources": ("vneid", "population"),
        "basis": Basis.LEGAL_BASIS,
        "rule": make_rule(),
        "purpose": None,
    }
    return Component(**values | changes)


def make_dossier(**changes: Any) -> Dossier:
    """Make a birth registration at Hồng An with one party, the mother."""
    party = DossierParty(PartyUid(ids.new()), ("mother", "applicant"), None)
    values: dict[str, Any] = {
        "dossier_uid": DossierUid(ids.new()),
        "client_id": "justice-system",
        "reference": "HS-1",
        "closed": False,
        "procedure": "1.001193",
        "procedure_name": Words("Đăng ký khai sinh", "Birth registration"),
        "agencies": {"ag-000101": "Ủy ban nhân dân phường Hồng An"},
        "parties": (party,),
        "components": (make_component(party.party_uid, "person.full_name", "person.pin"),),
    }
    return Dossier(**values | changes)


def make_notice(content: Mapping[str, Any] | None = None) -> Notice:
    """Make a notice without much in it."""
    content = content or {"texts": {}}
    return Notice(ids.new(), "reuse", 1, content, digest(content))


def make_request(**changes: Any) -> ConsentRequest:
    """Make a request that is open."""
    values: dict[str, Any] = {
        "request_id": RequestId(ids.new()),
        "flow_id": str(ids.new()),
        "subject_id": SubjectId(ids.new()),
        "sub": "pairwise-mother-01",
        "sector": "justice",
        "asker": Asker("justice-system", "Hệ thống hộ tịch", "ag-000101", "Ủy ban nhân dân phường Hồng An"),
        "dossier_uid": DossierUid(ids.new()),
        "party_uid": PartyUid(ids.new()),
        "login": Login(str(ids.new()), NOW, "vneid:2", 2),
        "way": Way(bytes(32), "https://city.invalid", "http://localhost:8080/identity/return?flow=x"),
        "items": (make_item(),),
        "notice": make_notice(),
        "opened_at": NOW,
        "lapses_at": NOW + timedelta(minutes=13),
    }
    return ConsentRequest(**values | changes)


def make_recipient(**changes: Any) -> Recipient:
    """Make the justice system at Hồng An."""
    values: dict[str, Any] = {
        "sub": "pairwise-mother-01",
        "sector": "justice",
        "client_id": "justice-system",
        "agency_uid": "ag-000101",
        "agency_name": "Ủy ban nhân dân phường Hồng An",
        "dossier_uid": DossierUid(ids.new()),
        "party_uid": PartyUid(ids.new()),
    }
    return Recipient(**values | changes)


def make_subject(**changes: Any) -> Subject:
    """Make whose rights a decision on her page gives."""
    values: dict[str, Any] = {
        "subject_id": SubjectId(ids.new()),
        "recipient": make_recipient(),
        "giving": Giving(Origin.CITIZEN_PAGE, GivenBy.SELF),
    }
    return Subject(**values | changes)


LAW = Ground(rule_id="birth-registration", rule_version=1, letter="19_1_c", legal_refs=("NĐ 123/2015",))
CONSENT = Ground(purpose_id="keep_for_next_procedure", purpose_version=1)


def make_grant(**changes: Any) -> Grant:
    """Make a standing right of law."""
    values: dict[str, Any] = {
        "grant_id": GrantId(ids.new()),
        "subject_id": SubjectId(ids.new()),
        "recipient": make_recipient(),
        "attributes": attributes("person.full_name"),
        "opted_out": (),
        "ground": LAW,
        "giving": Giving(Origin.CITIZEN_PAGE, GivenBy.SELF),
        "receipt_id": ReceiptId(ids.new()),
        "valid_from": NOW,
        "valid_until": None,
    }
    return Grant(**values | changes)


def make_consent(**changes: Any) -> Grant:
    """Make a standing "keep these for my next procedure"."""
    return make_grant(recipient=None, ground=CONSENT, valid_until=NOW + timedelta(days=365), **changes)
