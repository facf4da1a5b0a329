"""A receipt: proof of what was agreed or told, for whoever holds it; field names of ISO/IEC TS 27560 where they fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.consent.domain.dossier import Basis
from services.consent.domain.grant import Grant
from services.consent.domain.ids import AttributeId, GrantId, ReceiptId, SubjectId
from services.consent.domain.notice import Notice
from services.consent.domain.purpose import AttributeName
from shared.events import written

SCHEMA_VERSION = "ISO/IEC TS 27560:2023"

About = Literal["granted", "withdrawn"]


@dataclass(frozen=True)
class Receipt:
    """A receipt as it was signed; `client_id` is the client that may fetch it, None when only the citizen may."""

    receipt_id: ReceiptId
    grant_id: GrantId
    subject_id: SubjectId
    client_id: str | None
    sub: str
    about: About
    jws: str
    signed_at: datetime


@dataclass(frozen=True)
class Shown:
    """What stood before her when the right was given, and as whom she is known there (`sub`, pairwise)."""

    notice: Notice
    sub: str
    officer_position: str | None = None


def claims_of_grant(
    grant: Grant, shown: Shown, *, issuer: str, names: Mapping[AttributeId, AttributeName]
) -> dict[str, Any]:
    """Write the receipt of a new grant. The surrogate id is in none of its members."""
    notice = shown.notice
    return {
        **_header(issuer, grant.receipt_id, shown.sub, grant.valid_from),
        "record_id": str(grant.grant_id),
        "language": ["vi", "en"],
        "jurisdiction": "VN",
        "privacy_notice": {
            "id": notice.wording_id,
            "version": notice.wording_version,
            "sha256": notice.sha256,
        },
        "notice": notice.content,
        "processing": [_processing(grant, names)],
        "parties": _parties(grant),
        "given": {
            "origin": grant.giving.origin.value,
            "given_by": grant.giving.given_by.value,
            "represented_by": _text(grant.giving.represented_by),
            "officer_position": shown.officer_position,
            "request_id": _text(grant.giving.request_id),
        },
        "events": [_event("given" if grant.kind is Basis.CONSENT else "informed", grant.valid_from, grant)],
    }


def claims_of_withdrawal(
    receipt_id: ReceiptId, grant: Grant, *, sub: str, issuer: str, now: datetime
) -> dict[str, Any]:
    """Write the receipt of a confirmed withdrawal, naming `effective_by`: no signed release is later than that."""
    if grant.withdrawn_at is None or grant.effective_by is None:
        raise ValueError("a withdrawal's receipt names its moment")
    return {
        **_header(issuer, receipt_id, sub, now),
        "record_id": str(grant.grant_id),
        "earlier_receipt_id": str(grant.receipt_id),
        "withdrawn_at": written(grant.withdrawn_at),
        "effective_by": written(grant.effective_by),
        "attributes": list(grant.attributes),
        "events": [_event("withdrawn", grant.withdrawn_at, grant)],
    }


def _header(issuer: str, receipt_id: ReceiptId, sub: str, at: datetime) -> dict[str, Any]:
    return {
        "iss": issuer,
        "iat": int(at.timestamp()),
        "jti": str(receipt_id),
        "sub": sub,
        "schema_version": SCHEMA_VERSION,
        "receipt_id": str(receipt_id),
        "pii_principal_id": sub,
    }


def _processing(grant: Grant, names: Mapping[AttributeId, AttributeName]) -> dict[str, Any]:
    ground, until = grant.ground, written(grant.valid_until) if grant.valid_until else None
    return {
        "scope": grant.scope.value,
        "lawful_basis": f"law_91_2025_{ground.letter}" if ground.letter else "consent",
        "rule": {"id": ground.rule_id, "version": ground.rule_version} if ground.rule_id else None,
        "purpose": {"id": ground.purpose_id, "version": ground.purpose_version} if ground.purpose_id else None,
        "legal_refs": list(ground.legal_refs),
        "dossier_uid": str(grant.recipient.dossier_uid) if grant.recipient else None,
        "party_uid": str(grant.recipient.party_uid) if grant.recipient else None,
        "pii_information": [{"pii_type": each, "sensitive": names[each].sensitive} for each in grant.attributes],
        "opted_out": list(grant.opted_out),
        "validity": {"from": written(grant.valid_from), "until": until},
        "withdrawal_method": "/consent/me" if grant.kind is Basis.CONSENT else None,
    }


def _parties(grant: Grant) -> list[dict[str, Any]]:
    to = grant.recipient
    if to is None:
        return []
    return [
        {"id": to.agency_uid, "name": to.agency_name, "role": "recipient"},
        {"id": to.client_id, "role": "processor"},
    ]


def _event(state: str, at: datetime, grant: Grant) -> dict[str, Any]:
    return {"event_time": written(at), "event_type": "explicit", "event_state": state, "record_version": grant.version}


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)
