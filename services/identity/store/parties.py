"""SQL about which person a party of a dossier is, and about officers' checks."""

from datetime import datetime

from asyncpg import Record

from services.identity.domain.ids import CheckId, DossierUid, LoginId, PartyUid, SubjectId
from services.identity.domain.party import Method, Party, PartyState, Place
from shared.db import Tx
from shared.tokens import Actor

_SELECT = """
SELECT dossier_uid, party_uid, client_id, agency_uid, subject_id, state, method, actor, identified_at, login_id,
       check_id FROM party
"""


async def insert(tx: Tx, party: Party) -> bool:
    """Store who a party is; False, and nothing stored, when the party or the person is taken in this dossier.

    A concurrent insert is waited for.
    """
    return bool(
        await tx.fetchval(
            """
            INSERT INTO party (dossier_uid, party_uid, client_id, agency_uid, subject_id, state, method, actor,
                   identified_at, login_id, check_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING true
            """,
            *_values(party),
        )
    )


async def update(tx: Tx, party: Party) -> None:
    """Store a locked party anew."""
    await tx.execute(
        """
        UPDATE party SET client_id = $3, agency_uid = $4, subject_id = $5, state = $6, method = $7, actor = $8,
               identified_at = $9, login_id = $10, check_id = $11 WHERE dossier_uid = $1 AND party_uid = $2
        """,
        *_values(party),
    )


async def find(tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid) -> Party | None:
    """Return who a party is."""
    row = await tx.fetchrow(_SELECT + "WHERE dossier_uid = $1 AND party_uid = $2", dossier_uid, party_uid)
    return _party(row) if row else None


async def find_for_update(tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid) -> Party | None:
    """Return who a party is, its row locked."""
    row = await tx.fetchrow(_SELECT + "WHERE dossier_uid = $1 AND party_uid = $2 FOR UPDATE", dossier_uid, party_uid)
    return _party(row) if row else None


async def delete(tx: Tx, dossier_uid: DossierUid, party_uid: PartyUid) -> None:
    """Free a locked party."""
    await tx.execute("DELETE FROM party WHERE dossier_uid = $1 AND party_uid = $2", dossier_uid, party_uid)


async def insert_check(tx: Tx, party: Party, *, check_id: CheckId, mandate_id: str, method: str, now: datetime) -> None:
    """Store that an officer looked at a card."""
    place = party.place
    await tx.execute(
        """
        INSERT INTO officer_check (check_id, subject_id, dossier_uid, party_uid, client_id, agency_uid, mandate_id,
               actor, method, checked_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        check_id, party.subject_id, place.dossier_uid, place.party_uid, place.client_id, place.agency_uid, mandate_id,
        _actor(party.actor), method, now,
    )  # fmt: skip


def _values(party: Party) -> tuple[object, ...]:
    place = party.place
    return (
        place.dossier_uid, place.party_uid, place.client_id, place.agency_uid, party.subject_id, party.state,
        party.method, _actor(party.actor), party.identified_at, party.login_id, party.check_id,
    )  # fmt: skip


def _actor(actor: Actor) -> dict[str, str | None]:
    return {"kind": actor.kind, "ref": actor.ref, "position": actor.position}


def _party(row: Record) -> Party:
    return Party(
        place=Place(
            DossierUid(row["dossier_uid"]), PartyUid(row["party_uid"]), row["client_id"], row["agency_uid"]
        ),
        subject_id=SubjectId(row["subject_id"]),
        state=PartyState(row["state"]),
        method=Method(row["method"]),
        actor=Actor(**row["actor"]),
        identified_at=row["identified_at"],
        login_id=LoginId(row["login_id"]) if row["login_id"] else None,
        check_id=CheckId(row["check_id"]) if row["check_id"] else None,
    )  # fmt: skip
