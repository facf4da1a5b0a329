"""What others learn of consent: from the domain to events. Of a grant always the full state and version."""

from datetime import datetime

from pydantic import JsonValue

from services.consent.domain.grant import Grant
from services.consent.domain.item import Item
from services.consent.domain.request import ConsentRequest
from shared.events import Event, written
from shared.tokens import Actor


def requested(request: ConsentRequest) -> Event:
    """Build `consent.requested.v1`: what was told and asked, and the digest of the notice it was shown in."""
    data: dict[str, JsonValue] = {
        **_ids(request),
        "sub": request.sub,
        "client_id": request.asker.client_id,
        "agency_uid": request.asker.agency_uid,
        "agency_name": request.asker.agency_name,
        "login_id": request.login.login_id,
        "notice_id": request.notice.wording_id,
        "notice_version": request.notice.wording_version,
        "notice_sha256": request.notice.sha256,
        "items": [_item(item) for item in request.items],
        "lapses_at": written(request.lapses_at),
    }
    return Event(type="consent.requested.v1", key=str(request.subject_id), data=data, time=request.opened_at)


def decided(request: ConsentRequest, grants: list[Grant], now: datetime) -> Event:
    """Build `consent.decided.v1`: her answer to each item, and the grants under which it stands."""
    answers = request.answers or {}
    data: dict[str, JsonValue] = {
        **_ids(request),
        "answers": [{"item_id": item_id, "answer": answer.value} for item_id, answer in answers.items()],
        "grant_ids": [str(grant.grant_id) for grant in grants],
    }
    return Event(type="consent.decided.v1", key=str(request.subject_id), data=data, time=now)


def abandoned(request: ConsentRequest, now: datetime) -> Event:
    """Build `consent.abandoned.v1`: she gave the application up."""
    return Event(type="consent.abandoned.v1", key=str(request.subject_id), data=_ids(request), time=now)


def lapsed(request: ConsentRequest, now: datetime) -> Event:
    """Build `consent.lapsed.v1`: she did not answer in time."""
    return Event(type="consent.lapsed.v1", key=str(request.subject_id), data=_ids(request), time=now)


def granted(grant: Grant, now: datetime, actor: Actor | None = None) -> Event:
    """Build `consent.granted.v1`; `actor` is the officer of a decision at the counter."""
    return _of_grant("granted", grant, now, actor)


def withdrawn(grant: Grant, now: datetime) -> Event:
    """Build `consent.withdrawn.v1`: from here on nobody should use it."""
    return _of_grant("withdrawn", grant, now, None)


def withdrawal_confirmed(grant: Grant, now: datetime) -> Event:
    """Build `consent.withdrawal-confirmed.v1`: the moment after which nothing is released under it."""
    return _of_grant("withdrawal-confirmed", grant, now, None)


def expired(grant: Grant, now: datetime) -> Event:
    """Build `consent.expired.v1`: the time she agreed to is over."""
    return _of_grant("expired", grant, now, None)


def legal_basis_ended(grant: Grant, now: datetime, actor: Actor | None = None) -> Event:
    """Build `consent.legal-basis-ended.v1`; `actor` is the officer whose decision it was, if one's."""
    return _of_grant("legal-basis-ended", grant, now, actor)


def grant_state(grant: Grant) -> dict[str, JsonValue]:
    """Write a grant's full state, as every event of it and every state assertion carries it."""
    return {
        "grant_id": str(grant.grant_id),
        "version": grant.version,
        "state": grant.state.value,
        "kind": grant.kind.value,
        "scope": grant.scope.value,
        "subject_id": str(grant.subject_id),
        **_recipient(grant),
        "attributes": list(grant.attributes),
        "opted_out": list(grant.opted_out),
        "purpose_id": grant.ground.purpose_id,
        "purpose_version": grant.ground.purpose_version,
        "rule_id": grant.ground.rule_id,
        "rule_version": grant.ground.rule_version,
        "letter": grant.ground.letter,
        "legal_refs": list(grant.ground.legal_refs),
        "origin": grant.giving.origin.value,
        "given_by": grant.giving.given_by.value,
        "represented_by": _text(grant.giving.represented_by),
        "request_id": _text(grant.giving.request_id),
        "valid_from": written(grant.valid_from),
        "valid_until": _time(grant.valid_until),
        "use_budget": grant.use_budget,
        "withdrawn_at": _time(grant.withdrawn_at),
        "effective_by": _time(grant.effective_by),
        "ended_at": _time(grant.ended_at),
        "end_reason": grant.end_reason.value if grant.end_reason else None,
        "receipt_id": str(grant.receipt_id),
    }


def _of_grant(what: str, grant: Grant, now: datetime, actor: Actor | None) -> Event:
    by: JsonValue = {"kind": actor.kind, "ref": actor.ref, "position": actor.position} if actor else None
    data: dict[str, JsonValue] = {"grant": grant_state(grant), "actor": by}
    return Event(type=f"consent.{what}.v1", key=str(grant.subject_id), data=data, time=now)


def _recipient(grant: Grant) -> dict[str, JsonValue]:
    to = grant.recipient
    return {
        "sub": to.sub if to else None,
        "sector": to.sector if to else None,
        "client_id": to.client_id if to else None,
        "agency_uid": to.agency_uid if to else None,
        "agency_name": to.agency_name if to else None,
        "dossier_uid": _text(to.dossier_uid) if to else None,
        "party_uid": _text(to.party_uid) if to else None,
    }


def _ids(request: ConsentRequest) -> dict[str, JsonValue]:
    return {
        "request_id": str(request.request_id),
        "subject_id": str(request.subject_id),
        "dossier_uid": str(request.dossier_uid),
        "party_uid": str(request.party_uid),
    }


def _item(item: Item) -> JsonValue:
    return {
        "item_id": item.item_id,
        "attributes": list(item.attributes),
        "basis": item.basis.value,
        "rule_id": item.rule.id if item.rule else None,
        "purpose_id": item.purpose.id if item.purpose else None,
    }


def _text(value: object | None) -> str | None:
    return None if value is None else str(value)


def _time(value: datetime | None) -> str | None:
    return None if value is None else written(value)
