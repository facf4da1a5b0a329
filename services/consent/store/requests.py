"""SQL about requests, their notices and tickets."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from asyncpg import Record
from pydantic import TypeAdapter

from services.consent.domain.ids import DossierUid, PartyUid, RequestId, SubjectId
from services.consent.domain.item import Answer, Item
from services.consent.domain.notice import Notice
from services.consent.domain.request import Asker, ConsentRequest, Login, Way
from services.consent.domain.states import RequestState
from shared import telemetry
from shared.db import Tx

_ITEMS = TypeAdapter(tuple[Item, ...])

_SELECT = """
SELECT r.request_id, r.flow_id, r.subject_id, r.sub, r.sector, r.client_id, r.client_name, r.agency_uid, r.agency_name,
       r.dossier_uid, r.party_uid, r.login_id, r.auth_time, r.acr, r.account_level, r.browser_hash, r.redirect_origin,
       r.return_url, r.items, r.state, r.answers, r.opened_at, r.lapses_at, r.closed_at, r.traceparent,
       n.notice_uid, n.wording_id, n.wording_version, n.content, n.sha256
  FROM consent_request r JOIN notice n USING (notice_uid)
"""


async def insert_notice(tx: Tx, notice: Notice) -> None:
    """Keep a notice as it was shown."""
    await tx.execute(
        "INSERT INTO notice (notice_uid, wording_id, wording_version, content, sha256) VALUES ($1, $2, $3, $4, $5)",
        notice.notice_uid, notice.wording_id, notice.wording_version, notice.content, notice.sha256,
    )  # fmt: skip


async def insert(tx: Tx, request: ConsentRequest) -> bool:
    """Store a new request with its notice; False, and nothing stored, when its flow has one already."""
    notice = request.notice
    await insert_notice(tx, notice)
    stored = await tx.fetchval(
        """
        INSERT INTO consent_request (request_id, flow_id, subject_id, sub, sector, client_id, client_name, agency_uid,
               agency_name, dossier_uid, party_uid, login_id, auth_time, acr, account_level, browser_hash,
               redirect_origin, return_url, items, notice_uid, state, opened_at, lapses_at, traceparent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                $23, $24)
        ON CONFLICT (flow_id) DO NOTHING RETURNING true
        """,
        request.request_id, request.flow_id, request.subject_id, request.sub, request.sector, request.asker.client_id,
        request.asker.client_name, request.asker.agency_uid, request.asker.agency_name, request.dossier_uid,
        request.party_uid, request.login.login_id, request.login.auth_time, request.login.acr,
        request.login.account_level, request.way.browser_hash, request.way.redirect_origin, request.way.return_url,
        _ITEMS.dump_python(request.items, mode="json"), notice.notice_uid, request.state, request.opened_at,
        request.lapses_at, telemetry.traceparent(),
    )  # fmt: skip
    if not stored:
        await tx.execute("DELETE FROM notice WHERE notice_uid = $1", notice.notice_uid)
    return bool(stored)


async def find(tx: Tx, request_id: UUID) -> ConsentRequest | None:
    """Return a request."""
    row = await tx.fetchrow(_SELECT + "WHERE r.request_id = $1", request_id)
    return _request(row) if row else None


async def find_for_update(tx: Tx, request_id: UUID) -> ConsentRequest | None:
    """Return a request and keep others from deciding it until this transaction ends."""
    row = await tx.fetchrow(_SELECT + "WHERE r.request_id = $1 FOR UPDATE OF r", request_id)
    return _request(row) if row else None


async def find_by_flow(tx: Tx, flow_id: str) -> ConsentRequest | None:
    """Return the request of an OAuth flow of identity."""
    row = await tx.fetchrow(_SELECT + "WHERE r.flow_id = $1", flow_id)
    return _request(row) if row else None


async def update_closed(tx: Tx, request: ConsentRequest) -> None:
    """Store how a request was closed."""
    await tx.execute(
        "UPDATE consent_request SET state = $2, answers = $3, closed_at = $4 WHERE request_id = $1",
        request.request_id, request.state, request.answers, request.closed_at,
    )  # fmt: skip


async def overdue(tx: Tx, *, now: datetime, limit: int) -> list[ConsentRequest]:
    """Lock and return requests whose time is over; those another worker is at are left to it."""
    rows = await tx.fetch(
        _SELECT
        + "WHERE r.state = 'requested' AND r.lapses_at <= $1 ORDER BY r.lapses_at LIMIT $2 FOR UPDATE OF r SKIP LOCKED",
        now,
        limit,
    )
    return [_request(row) for row in rows]


async def insert_ticket(tx: Tx, ticket_hash: bytes, request_id: UUID, expires_at: datetime) -> None:
    """Store a ticket's hash."""
    await tx.execute(
        "INSERT INTO ticket (ticket_hash, request_id, expires_at) VALUES ($1, $2, $3)",
        ticket_hash, request_id, expires_at,
    )  # fmt: skip


async def request_of_ticket(tx: Tx, ticket_hash: bytes) -> UUID | None:
    """Return the request a ticket leads to, whatever became of the ticket."""
    return await tx.fetchval("SELECT request_id FROM ticket WHERE ticket_hash = $1", ticket_hash)


async def use_ticket(tx: Tx, ticket_hash: bytes, now: datetime) -> bool:
    """Use a ticket up; False when it is too old or has been used."""
    used = await tx.fetchval(
        "UPDATE ticket SET used_at = $2 WHERE ticket_hash = $1 AND used_at IS NULL AND expires_at > $2 RETURNING true",
        ticket_hash, now,
    )  # fmt: skip
    return bool(used)


async def was_used(tx: Tx, ticket_hash: bytes) -> bool:
    """Say whether a ticket was used in its time."""
    return bool(
        await tx.fetchval("SELECT true FROM ticket WHERE ticket_hash = $1 AND used_at IS NOT NULL", ticket_hash)
    )


async def forget_tickets(tx: Tx, before: datetime) -> None:
    """Drop tickets that expired long ago."""
    await tx.execute("DELETE FROM ticket WHERE expires_at < $1", before)


async def link_grants(tx: Tx, request_id: UUID, grant_ids: Iterable[UUID]) -> None:
    """Remember under which grants a decision stands."""
    await tx.execute(
        "INSERT INTO decision_grant (request_id, grant_id) SELECT $1, unnest($2::uuid[])", request_id, list(grant_ids)
    )


def _request(row: Record) -> ConsentRequest:
    answers = row["answers"]
    return ConsentRequest(
        request_id=RequestId(row["request_id"]),
        flow_id=row["flow_id"],
        subject_id=SubjectId(row["subject_id"]),
        sub=row["sub"],
        sector=row["sector"],
        asker=Asker(row["client_id"], row["client_name"], row["agency_uid"], row["agency_name"]),
        dossier_uid=DossierUid(row["dossier_uid"]),
        party_uid=PartyUid(row["party_uid"]),
        login=Login(row["login_id"], row["auth_time"], row["acr"], row["account_level"]),
        way=Way(row["browser_hash"], row["redirect_origin"], row["return_url"]),
        items=_ITEMS.validate_python(row["items"]),
        notice=Notice(row["notice_uid"], row["wording_id"], row["wording_version"], row["content"], row["sha256"]),
        opened_at=row["opened_at"],
        lapses_at=row["lapses_at"],
        state=RequestState(row["state"]),
        answers=None if answers is None else {key: Answer(value) for key, value in answers.items()},
        closed_at=row["closed_at"],
        traceparent=row["traceparent"],
    )
