"""SQL about pushed requests and the logins that come of them; of secrets that browsers carry only hashes."""

from datetime import datetime, timedelta

from asyncpg import Record

from services.identity.domain.client import FIRST_PARTY
from services.identity.domain.details import Login
from services.identity.domain.flow import Flow, FlowState, LoggedIn, PushedRequest
from services.identity.domain.ids import DossierUid, FlowId, LoginId, PartyUid, RequestId, SubjectId
from services.identity.domain.person import Capacity
from shared.db import Tx
from shared.languages import language_named
from shared.tokens import Mandate

_REQUEST_COLUMNS = """
r.request_id, r.client_id, r.redirect_uri, r.state AS client_state, r.code_challenge, r.jkt, r.resource, r.procedure,
r.agency_uid, r.dossier_uid, r.party_uid, r.attributes, r.expires_at, r.language,
r.logged_in_at IS NOT NULL AS used_up, m.mandate_id, m.kind AS mandate_kind, m.procedures, m.valid_until
"""
_REQUEST = f"SELECT {_REQUEST_COLUMNS} FROM pushed_request r LEFT JOIN mandate m USING (mandate_id)\n"  # noqa: S608 - constants
_FLOW = f"""
SELECT {_REQUEST_COLUMNS}, f.flow_id, f.browser_hash, f.nonce, f.code_verifier, f.state, f.started_at,
       f.returned_at IS NOT NULL AS returned, f.login_id, f.subject_id, f.auth_time, f.acr, f.account_level,
       f.capacity, f.logged_in_at, f.consent_request_id, f.traceparent
  FROM flow f JOIN pushed_request r USING (request_id) LEFT JOIN mandate m USING (mandate_id)
"""  # noqa: S608 - constants


async def insert_request(tx: Tx, request: PushedRequest, *, uri_hash: bytes, now: datetime) -> None:
    """Store a pushed request."""
    login = request.login
    await tx.execute(
        """
        INSERT INTO pushed_request (request_id, uri_hash, client_id, redirect_uri, state, code_challenge, jkt, resource,
               mandate_id, procedure, agency_uid, dossier_uid, party_uid, attributes, pushed_at, expires_at,
               language)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        """,
        request.request_id, uri_hash, request.client_id, request.redirect_uri, request.state, request.code_challenge,
        request.jkt, request.resource, request.mandate.id if login else None, request.procedure,
        login.agency_uid if login else None, login.dossier_uid if login else None,
        login.party_uid if login else None, list(login.attributes) if login else None, now, request.expires_at,
        request.language,
    )  # fmt: skip


async def find_request(tx: Tx, uri_hash: bytes) -> PushedRequest | None:
    """Return the request behind a request_uri."""
    row = await tx.fetchrow(_REQUEST + "WHERE r.uri_hash = $1", uri_hash)
    return _request(row) if row else None


async def use_up(tx: Tx, request_id: RequestId, now: datetime) -> bool:
    """Mark that a login came of a request; False for all but the first, who is waited for."""
    sql = (
        """UPDATE pushed_request SET logged_in_at = $2 WHERE request_id = $1 AND logged_in_at IS NULL RETURNING true"""
    )
    return bool(await tx.fetchval(sql, request_id, now))


async def insert_flow(tx: Tx, flow: Flow, *, state_hash: bytes) -> None:
    """Store a flow whose browser is about to go to VNeID."""
    await tx.execute(
        """
        INSERT INTO flow (flow_id, request_id, browser_hash, vneid_state_hash, nonce, code_verifier, state, started_at,
               traceparent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        flow.flow_id, flow.request.request_id, flow.browser_hash, state_hash, flow.nonce, flow.code_verifier,
        flow.state, flow.started_at, flow.traceparent,
    )  # fmt: skip


async def find_by_state_for_update(tx: Tx, state_hash: bytes) -> Flow | None:
    """Return the flow VNeID answers to, its row locked."""
    row = await tx.fetchrow(_FLOW + "WHERE f.vneid_state_hash = $1 FOR UPDATE OF f", state_hash)
    return _flow(row) if row else None


async def find_for_update(tx: Tx, flow_id: FlowId) -> Flow | None:
    """Return a flow, its row locked."""
    row = await tx.fetchrow(_FLOW + "WHERE f.flow_id = $1 FOR UPDATE OF f", flow_id)
    return _flow(row) if row else None


async def of_consent_for_update(
    tx: Tx,
    consent_request_id: RequestId,
    *,
    subject_id: SubjectId,
    dossier_uid: DossierUid,
    party_uid: PartyUid,
    at: datetime,
) -> list[Flow]:
    """Return the flow a consent request belongs to that was answered `at` some time, locked.

    Should its number have been lost on the way (a crash between consent's answer and ours), the person's logins for
    this party that know of no request yet stand in for it; not one begun an hour after the answer, clocks wrong or not.
    """
    rows = await tx.fetch(_FLOW + "WHERE f.consent_request_id = $1 FOR UPDATE OF f", consent_request_id)
    if not rows:
        rows = await tx.fetch(
            _FLOW + """WHERE f.subject_id = $1 AND r.dossier_uid = $2 AND r.party_uid = $3 AND f.state = 'logged_in'
                         AND f.consent_request_id IS NULL AND f.logged_in_at < $4
                       ORDER BY f.flow_id FOR UPDATE OF f""",
            subject_id, dossier_uid, party_uid, at + timedelta(hours=1),
        )  # fmt: skip
    return [_flow(row) for row in rows]


async def open_since(tx: Tx, state: FlowState, *, before: datetime, limit: int) -> list[Flow]:
    """Return open flows of a state that began, or in which she logged in, before an instant; locked, others skipped."""
    rows = await tx.fetch(
        _FLOW + """WHERE f.closed_at IS NULL AND f.state = $1 AND coalesce(f.logged_in_at, f.started_at) < $2
                   ORDER BY f.started_at LIMIT $3 FOR UPDATE OF f SKIP LOCKED""",
        state, before, limit,
    )  # fmt: skip
    return [_flow(row) for row in rows]


async def mark_returned(tx: Tx, flow_id: FlowId, now: datetime) -> None:
    """Note that VNeID has answered; nonce and verifier are good for one answer, so they go."""
    await tx.execute(
        "UPDATE flow SET returned_at = $2, nonce = NULL, code_verifier = NULL WHERE flow_id = $1", flow_id, now
    )


async def log_in(tx: Tx, flow_id: FlowId, state: FlowState, who: LoggedIn) -> None:
    """Store who logged in."""
    await tx.execute(
        """
        UPDATE flow SET state = $2, login_id = $3, subject_id = $4, auth_time = $5, acr = $6, account_level = $7,
               capacity = $8, logged_in_at = $9 WHERE flow_id = $1
        """,
        flow_id, state, who.login_id, who.subject_id, who.auth_time, who.acr, who.account_level, who.capacity, who.at,
    )  # fmt: skip


async def set_consent_request(tx: Tx, flow_id: FlowId, consent_request_id: RequestId) -> None:
    """Keep which consent request belongs to a flow."""
    await tx.execute("UPDATE flow SET consent_request_id = $2 WHERE flow_id = $1", flow_id, consent_request_id)


async def set_state(tx: Tx, flow_id: FlowId, state: FlowState, *, closed_at: datetime | None = None) -> None:
    """Move a locked flow on; `closed_at` goes with the last states."""
    await tx.execute("UPDATE flow SET state = $2, closed_at = $3 WHERE flow_id = $1", flow_id, state, closed_at)


async def is_undecided_elsewhere(
    tx: Tx, flow_id: FlowId, *, subject_id: SubjectId, dossier_uid: DossierUid, party_uid: PartyUid
) -> bool:
    """Say whether this person is before the question for this party in another tab."""
    return await tx.fetchval(
        """
        SELECT EXISTS (SELECT 1 FROM flow f JOIN pushed_request r USING (request_id)
                        WHERE f.subject_id = $2 AND r.dossier_uid = $3 AND r.party_uid = $4
                          AND f.state IN ('logged_in', 'decided') AND f.flow_id <> $1)
        """,
        flow_id, subject_id, dossier_uid, party_uid,
    )  # fmt: skip


async def forget_unused_requests(tx: Tx, *, before: datetime) -> None:
    """Delete pushed requests that expired within the day before an instant and that no browser ever came with.

    Those that one came with, and led nowhere, are not looked at again and again: `forget_over` deletes them.
    """
    await tx.execute(
        """DELETE FROM pushed_request r
            WHERE r.expires_at BETWEEN $1::timestamptz - interval '1 day' AND $1 AND r.logged_in_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM flow f WHERE f.request_id = r.request_id)""",
        before,
    )


async def forget_over(tx: Tx, *, before: datetime) -> None:
    """Delete logins that were over before an instant, with their codes, and requests from before that have no login."""
    await tx.execute(
        """WITH over AS (SELECT flow_id FROM flow WHERE closed_at < $1
                        ORDER BY closed_at LIMIT 1000 FOR UPDATE SKIP LOCKED),
                codes AS (DELETE FROM code c USING over o WHERE c.flow_id = o.flow_id)
           DELETE FROM flow f USING over o WHERE f.flow_id = o.flow_id""",
        before,
    )
    await tx.execute(
        """WITH used AS (
             DELETE FROM pushed_request r WHERE r.expires_at < $1 AND r.logged_in_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM flow f WHERE f.request_id = r.request_id))
           DELETE FROM pushed_request r WHERE r.expires_at < $1 AND r.logged_in_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM flow f WHERE f.request_id = r.request_id)""",
        before,
    )


def _request(row: Record) -> PushedRequest:
    login = None
    mandate = FIRST_PARTY
    if row["dossier_uid"] is not None:
        mandate = Mandate(row["mandate_id"], row["mandate_kind"], tuple(row["procedures"]), row["valid_until"])
        login = Login(
            agency_uid=row["agency_uid"],
            dossier_uid=row["dossier_uid"],
            party_uid=row["party_uid"],
            attributes=tuple(row["attributes"]),
        )
    return PushedRequest(
        request_id=RequestId(row["request_id"]),
        client_id=row["client_id"],
        redirect_uri=row["redirect_uri"],
        state=row["client_state"],
        code_challenge=row["code_challenge"],
        jkt=row["jkt"],
        resource=row["resource"],
        mandate=mandate,
        procedure=row["procedure"],
        login=login,
        expires_at=row["expires_at"],
        language=language_named(row["language"]),
        logged_in=row["used_up"],
    )


def _flow(row: Record) -> Flow:
    return Flow(
        flow_id=FlowId(row["flow_id"]),
        request=_request(row),
        browser_hash=row["browser_hash"],
        state=FlowState(row["state"]),
        started_at=row["started_at"],
        returned=row["returned"],
        nonce=row["nonce"],
        code_verifier=row["code_verifier"],
        who=_who(row),
        consent_request_id=RequestId(row["consent_request_id"]) if row["consent_request_id"] else None,
        traceparent=row["traceparent"],
    )


def _who(row: Record) -> LoggedIn | None:
    if row["login_id"] is None:
        return None
    return LoggedIn(
        login_id=LoginId(row["login_id"]),
        subject_id=SubjectId(row["subject_id"]),
        auth_time=row["auth_time"],
        acr=row["acr"],
        account_level=row["account_level"],
        capacity=Capacity(row["capacity"]),
        at=row["logged_in_at"],
    )
