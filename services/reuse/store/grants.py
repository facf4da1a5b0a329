"""Reuse's copy of grants; a version never overwrites a newer one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.reuse.domain.grant import Grant
from services.reuse.domain.ids import AttributeId, GrantId, SubjectId
from shared.db import Tx

_GRANT = """grant_id, version, state, kind, scope, subject_id, sub, client_id, agency_uid, dossier_uid, party_uid,
  attributes, opted_out, purpose_id, purpose_version, rule_id, rule_version, letter, legal_refs, valid_from,
  valid_until, use_budget, partition"""


async def keep(tx: Tx, grant: Grant) -> bool:
    """Store what consent said, unless something newer is stored; say whether it was news.

    The partition is kept from the first event on: an older event still shows where the grant's events come. What is no
    news locks nothing.
    """
    known = await tx.fetchrow("SELECT version, partition FROM grant_copy WHERE grant_id = $1", grant.grant_id)
    placed = known is not None and (known["partition"] is not None or grant.partition is None)
    if known is not None and known["version"] >= grant.version and placed:
        return False
    news = await tx.fetchval(
        """INSERT INTO grant_copy AS g (grant_id, version, state, kind, scope, subject_id, sub, client_id, agency_uid,
                                        dossier_uid, party_uid, attributes, opted_out, purpose_id, purpose_version,
                                        rule_id, rule_version, letter, legal_refs, valid_from, valid_until, use_budget,
                                        partition)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                   $23)
           ON CONFLICT (grant_id) DO UPDATE SET
             version = excluded.version, state = excluded.state, attributes = excluded.attributes,
             opted_out = excluded.opted_out, valid_until = excluded.valid_until, use_budget = excluded.use_budget,
             partition = coalesce(g.partition, excluded.partition), learned_at = clock_timestamp()
           WHERE g.version < excluded.version RETURNING true""",
        grant.grant_id, grant.version, grant.state, grant.kind, grant.scope, grant.subject_id, grant.sub,
        grant.client_id, grant.agency_uid, grant.dossier_uid, grant.party_uid, list(grant.attributes),
        list(grant.opted_out), grant.purpose_id, grant.purpose_version, grant.rule_id, grant.rule_version,
        grant.letter, list(grant.legal_refs), grant.valid_from, grant.valid_until, grant.use_budget, grant.partition,
    )  # fmt: skip
    if news:
        await _count_uses(tx, grant)
    elif grant.partition is not None:
        await tx.execute(
            "UPDATE grant_copy SET partition = $2 WHERE grant_id = $1 AND partition IS NULL",
            grant.grant_id, grant.partition,
        )  # fmt: skip
    return bool(news)


async def _count_uses(tx: Tx, grant: Grant) -> None:
    if grant.use_budget is not None:
        await tx.execute(
            "INSERT INTO grant_use (grant_id, subject_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            grant.grant_id, grant.subject_id,
        )  # fmt: skip


async def of_subject(tx: Tx, subject_id: SubjectId, dossier_uid: UUID) -> tuple[Grant, ...]:
    """Return a subject's grants for a dossier, those for keeping that stand, and of each set of attributes the last.

    The last says what became of the keeping; older ones, of which there are more with the years, say nothing more.
    """
    rows = await tx.fetch(
        f"""SELECT {_GRANT} FROM grant_copy
            WHERE subject_id = $1
              AND (dossier_uid = $2
                   OR dossier_uid IS NULL
                      AND (state = 'granted'
                           OR grant_id IN (SELECT DISTINCT ON (attributes) grant_id FROM grant_copy
                                           WHERE subject_id = $1 AND dossier_uid IS NULL
                                           ORDER BY attributes, valid_from DESC, version DESC)))
            ORDER BY grant_id""",  # noqa: S608 - only constants of this file
        subject_id, dossier_uid,
    )  # fmt: skip
    return tuple(map(_grant, rows))


async def lock_valid(tx: Tx, grant_ids: Iterable[GrantId], now: datetime) -> set[GrantId]:
    """Return which of these grants are valid, and stay so until this transaction is over."""
    rows = await tx.fetch(
        f"SELECT {_GRANT} FROM grant_copy WHERE grant_id = ANY($1) ORDER BY grant_id FOR SHARE",  # noqa: S608 - only constants of this file
        list(grant_ids),
    )
    return {g.grant_id for g in map(_grant, rows) if g.is_valid(now)}


@dataclass(frozen=True)
class Freshness:
    """What is known of how new our copy of some grants is: None where consent has to be asked."""

    t: datetime | None
    now: datetime  # this database's clock


async def freshness(tx: Tx, grant_ids: Iterable[GrantId]) -> Freshness:
    """Return the moment up to which all these grants are surely known; see the release statement for the rule."""
    row = await tx.fetchrow(
        """SELECT CASE WHEN bool_and(w.t IS NOT NULL AND NOT w.frozen) THEN min(w.t) END AS t,
                  clock_timestamp() AS now
           FROM grant_copy g LEFT JOIN reader_watermark w ON w.source = 'consent' AND w.partition = g.partition
           WHERE g.grant_id = ANY($1)""",
        list(grant_ids),
    )
    assert row is not None, "an aggregate has a row"  # noqa: S101 - for the type checker
    return Freshness(row["t"], row["now"])


async def spent(tx: Tx, subject_id: SubjectId) -> frozenset[GrantId]:
    """Return a subject's grants whose uses are used."""
    rows = await tx.fetch(
        """SELECT g.grant_id FROM grant_copy g JOIN grant_use u USING (grant_id)
           WHERE g.subject_id = $1 AND u.used >= g.use_budget""",
        subject_id,
    )
    return frozenset(GrantId(row["grant_id"]) for row in rows)


async def run_out(tx: Tx, now: datetime, limit: int) -> list[GrantId]:
    """Return grants whose time is over and under which something is still held."""
    rows = await tx.fetch(
        """SELECT g.grant_id FROM grant_copy g
           WHERE g.state = 'granted' AND g.valid_until <= $1
             AND EXISTS (SELECT FROM holding h WHERE h.grant_id = g.grant_id) LIMIT $2""",
        now, limit,
    )  # fmt: skip
    return [GrantId(row["grant_id"]) for row in rows]


def _grant(row: asyncpg.Record) -> Grant:
    return Grant(
        grant_id=GrantId(row["grant_id"]),
        version=row["version"],
        state=row["state"],
        kind=row["kind"],
        scope=row["scope"],
        subject_id=SubjectId(row["subject_id"]),
        sub=row["sub"],
        client_id=row["client_id"],
        agency_uid=row["agency_uid"],
        dossier_uid=row["dossier_uid"],
        party_uid=row["party_uid"],
        attributes=tuple(map(AttributeId, row["attributes"])),
        opted_out=tuple(map(AttributeId, row["opted_out"])),
        purpose_id=row["purpose_id"],
        purpose_version=row["purpose_version"],
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        letter=row["letter"],
        legal_refs=tuple(row["legal_refs"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        use_budget=row["use_budget"],
        partition=row["partition"],
    )
