"""The judge: holds what clients were told, and what each database says, against the log (I3, I4, I5)."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import asyncpg

from infra.embedded.keyring import LOG_ORIGIN, SERVICES
from services.audit.domain.bundle import Bundle
from services.audit.domain.merkle import Growing, leaf_hash
from services.audit.domain.note import Checkpoint, NoteKey
from services.audit.domain.verification import Finding, verify
from services.audit.verify import read_trust
from tests.faults.kills.campaign import READS, Campaign
from tests.faults.kills.clockwork import admin
from tests.faults.kills.ledger import KEYS, Key, Ledger, key_of
from tests.faults.kills.logs import bugs
from tests.faults.processes import System


@dataclass
class Evidence:
    """All that the databases and the log say when everything is at rest."""

    leaves: list[bytes] = field(default_factory=list[bytes])
    """The canonical bytes of each leaf, by its index."""
    logged: dict[str, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))
    """Source to number to the digest of the event behind the leaf."""
    told: dict[str, dict[int, bytes]] = field(default_factory=dict[str, dict[int, bytes]])
    """The same by the sources' own outboxes."""
    doubled: list[str] = field(default_factory=list[str])
    events: Counter[tuple[str, Key]] = field(default_factory=Counter[tuple[str, Key]])
    data: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list[tuple[str, Mapping[str, Any]]])
    copies: dict[str, dict[str, tuple[Any, ...]]] = field(default_factory=dict[str, dict[str, tuple[Any, ...]]])
    """Who to grant to how it stands, by consent and by those who follow it."""
    keys: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]])
    """Source to number to the key of its event: whom or what it is about."""
    taken: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """(reader, source) to the numbers that are in its inbox as applied or ignored, in the order they were taken in."""
    states: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """Type of event to what the database of its source has that such an event must tell of."""
    miscounted: list[str] = field(default_factory=list[str])
    given_out: set[str] = field(default_factory=set[str])
    """Claims that identity has deleted since reuse has them."""
    got: set[str] = field(default_factory=set[str])
    """Claims that reuse has got, value by value."""


async def gather(running: System) -> Evidence:
    """Read it all."""
    found = Evidence()
    async with admin(running, "audit") as audit:
        for row in await audit.fetch(
            """SELECT l.index, l.canonical AS leaf, l.source, l.sequence, e.digest, e.type, e.canonical
               FROM leaf l LEFT JOIN entry e ON e.leaf_index = l.index ORDER BY l.index"""
        ):
            found.leaves.append(row["leaf"])
            if row["sequence"] in found.logged[row["source"]]:
                found.doubled.append(f"{row['source']} {row['sequence']} has two leaves")
            found.logged[row["source"]][row["sequence"]] = row["digest"]
            data = json.loads(row["canonical"])["data"]
            found.events[row["type"], key_of(row["type"], data)] += 1
            found.data.append((row["type"], data))
    await _read_services(running, found)
    return found


async def _read_services(running: System, found: Evidence) -> None:
    for name in SERVICES:
        async with admin(running, name) as connection:
            rows = await connection.fetch("SELECT sequence, key, canonical FROM outbox")
            found.told[name] = {row["sequence"] or 0: sha256(row["canonical"] or b"").digest() for row in rows}
            found.keys[name] = {row["sequence"] or 0: row["key"] for row in rows}
            for row in await connection.fetch(_TAKEN):
                found.taken[name, row["source"]].append(row["sequence"])
    for name, sql in _COPIES.items():
        found.copies[name] = {str(row[0]): tuple(row)[1:] for row in await _rows(running, name, sql)}
    found.given_out = {str(row[0]) for row in await _rows(running, "identity", _GIVEN_OUT)}
    found.got = {str(row[0]) for row in await _rows(running, "reuse", _GOT)}
    for type_, sql in _STATES.items():
        found.states[type_] = {str(row[0]) for row in await _rows(running, type_.split(".")[0], sql)}
    found.miscounted = [
        f"grant {row[0]} was used {row[2]} times and counts {row[1]}"
        for row in await _rows(running, "reuse", _MISCOUNTED)
    ]


async def _rows(running: System, name: str, sql: str) -> list[asyncpg.Record]:
    async with admin(running, name) as connection:
        return await connection.fetch(sql)


_TAKEN = "SELECT source, sequence FROM inbox WHERE outcome <> 'parked' ORDER BY taken_at, sequence"
_STATES = {
    "identity.login-succeeded.v1": "SELECT login_id FROM flow WHERE login_id IS NOT NULL",
    "consent.requested.v1": "SELECT request_id FROM consent_request",
    "consent.decided.v1": "SELECT request_id FROM consent_request WHERE state = 'decided'",
    "consent.abandoned.v1": "SELECT request_id FROM consent_request WHERE state = 'abandoned'",
    "consent.lapsed.v1": "SELECT request_id FROM consent_request WHERE state = 'lapsed'",
    "consent.granted.v1": "SELECT grant_id FROM consent_grant",
    "consent.withdrawn.v1": "SELECT grant_id FROM consent_grant WHERE state = 'withdrawn'",
    "consent.withdrawal-confirmed.v1": "SELECT grant_id FROM consent_grant WHERE effective_by IS NOT NULL",
    "consent.expired.v1": "SELECT grant_id FROM consent_grant WHERE state = 'expired'",
    "consent.legal-basis-ended.v1": "SELECT grant_id FROM consent_grant WHERE state = 'ended'",
    "reuse.dossier-opened.v1": "SELECT dossier_uid FROM dossier",
    "reuse.dossier-received.v1": "SELECT dossier_uid FROM dossier WHERE received_at IS NOT NULL",
    "reuse.dossier-closed.v1": "SELECT dossier_uid FROM dossier WHERE state = 'closed'",
    "reuse.looked-up.v1": "SELECT DISTINCT lookup_id FROM lookup WHERE outcome IS NOT NULL",
    "reuse.released.v1": "SELECT release_id FROM release",
    "reuse.accepted.v1": "SELECT verdict_id FROM verdict WHERE outcome = 'accepted'",
    "reuse.rejected.v1": "SELECT verdict_id FROM verdict WHERE outcome = 'rejected'",
    "reuse.deposited.v1": "SELECT evidence_id FROM result",
}
_GIVEN_OUT = "SELECT claims_id FROM claims WHERE state = 'collected'"
_GOT = """
    SELECT claims_id FROM lookup WHERE claims_id IS NOT NULL
     GROUP BY claims_id, lookup_id HAVING bool_and(outcome = 'found')"""
_MISCOUNTED = """
    SELECT u.grant_id, u.used, count(r.release_id) FROM grant_use u
      LEFT JOIN release r ON u.grant_id = ANY (r.grant_ids) AND r.replay_of IS NULL
     GROUP BY u.grant_id HAVING u.used <> count(r.release_id)"""


_COPIES = {
    "consent": "SELECT grant_id, version, state = 'granted' FROM consent_grant",
    "reuse": "SELECT grant_id, version, state = 'granted' FROM grant_copy",
    "identity": "SELECT grant_id, version, standing FROM release_grant",
}

_ONCE_ASKED = {
    "dossiers": "reuse.dossier-opened.v1",
    "acceptance": "reuse.accepted.v1",
    "rejection": "reuse.rejected.v1",
    "results": "reuse.deposited.v1",
    "releases": "reuse.released.v1",
}
"""What a client asks for under a key, and what may happen of it as often as it asked, however often it repeated."""
_OPENED = "reuse.dossier-opened.v1"


def lost(ledger: Ledger, found: Evidence) -> Iterator[str]:
    """Say what a client was told is done and the log does not have."""
    for (type_, key), _ in ledger.promised.items():
        if not found.events[type_, key]:
            yield f"{type_} {key} was acknowledged and is not in the log"
    named = {data["client_ref"]: data["dossier_uid"] for type_, data in found.data if type_ == _OPENED}
    for client_ref, dossier_uid in ledger.opened.items():
        if named.get(client_ref, dossier_uid) != dossier_uid:
            yield f"the dossier of {client_ref} is another than the one answered"


def halved(found: Evidence) -> Iterator[str]:
    """Say what has happened without its event, or was told and did not happen: state and event commit together."""
    for type_, there in found.states.items():
        logged = {key[0] for of, key in found.events if of == type_}
        if logged != there:
            yield f"{type_}: without an event {sorted(there - logged)}, without the state {sorted(logged - there)}"
    yield from (f"claims {each} are gone and nobody has them" for each in found.given_out - found.got)
    yield from found.miscounted


def twice(ledger: Ledger, found: Evidence) -> Iterator[str]:
    """Say what has happened twice."""
    yield from found.doubled
    for (type_, key), times in found.events.items():
        allowed = max(1, ledger.read[key[0]]) if type_ == "audit.read.v1" else 1
        if times > allowed:
            yield f"{type_} {key} is in the log {times} times"
    for last, type_ in _ONCE_ASKED.items():
        had = sum(of == type_ and not data.get("replay_of") for of, data in found.data)
        if had > ledger.asked[last]:
            yield f"{type_} has happened {had} times and was asked for {ledger.asked[last]} times"
    given = Counter(data["client_ref"] for type_, data in found.data if type_ == _OPENED)
    yield from (f"{times} dossiers were opened for {ref}" for ref, times in given.items() if times > 1)


def unconfirmed(ledger: Ledger, found: Evidence) -> Iterator[str]:
    """Say which withdrawal is not confirmed once, by the moment its receipt names."""
    moments: dict[str, list[str]] = defaultdict(list)
    for type_, data in found.data:
        if type_ == "consent.withdrawal-confirmed.v1":
            moments[data["grant"]["grant_id"]].append(data["grant"]["effective_by"])
    withdrawn = [key[0] for type_, key in found.events if type_ == "consent.withdrawn.v1"]
    for grant_id in withdrawn:
        if len(moments[grant_id]) != 1:
            yield f"the withdrawal of {grant_id} is confirmed {len(moments[grant_id])} times"
    for grant_id, moment in ledger.moments.items():
        if moments[grant_id] != [moment]:
            yield f"the receipt of {grant_id} names another moment than the log"


def holes(found: Evidence) -> Iterator[str]:
    """Say where a source's numbers have a hole, or the log is not what the source has told."""
    for source in SERVICES:
        if sorted(found.told[source]) != list(range(1, len(found.told[source]) + 1)):
            yield f"the numbers of {source} have holes"
        if found.told[source] != found.logged.get(source, {}):
            yield f"the log does not hold exactly what {source} has told"
        yield from (
            f"{reader} has not taken in {len(left)} events of {source}"
            for reader, sources in READS.items()
            if source in sources and (left := found.told[source].keys() - set(found.taken[reader, source]))
        )


def disordered(found: Evidence) -> Iterator[str]:
    """Say where a reader has taken in an event after a later one about the same citizen, dossier or case."""
    for (reader, source), taken in found.taken.items():
        newest: dict[str, int] = defaultdict(int)
        for number in taken:
            key = found.keys[source].get(number, "")
            if number < newest[key]:
                yield f"{reader} has taken in {number} of {source} after {newest[key]}, which has the same key"
            newest[key] = max(newest[key], number)


def apart(found: Evidence) -> Iterator[str]:
    """Say which follower has another idea of a grant than consent has."""
    for name in ("reuse", "identity"):
        for grant_id, stands in found.copies[name].items():
            if found.copies["consent"].get(grant_id) != stands:
                yield f"{name} has {grant_id} as {stands}, consent as {found.copies['consent'].get(grant_id)}"
    if missing := found.copies["consent"].keys() - found.copies["reuse"].keys():
        yield f"reuse has never heard of {len(missing)} grants"


def unproved(campaign: Campaign, found: Evidence, bundle: str) -> Iterator[str]:
    """Say what an auditor finds wrong with the log, or which checkpoint that somebody kept it contradicts."""
    keys = campaign.running.keyring
    known = NoteKey.of_pem(LOG_ORIGIN, keys.ed25519("audit-log").read_bytes()).verifier
    leaves, tree = iter(found.leaves), Growing()
    for kept in sorted((Checkpoint.open(note, known) for note in campaign.checkpoints), key=lambda kept: kept.size):
        for leaf in islice(leaves, kept.size - tree.size):
            tree.add(leaf_hash(leaf))
        if (tree.size, tree.root()) != (kept.size, kept.root):
            yield f"the checkpoint of size {kept.size} is not of this log"
    trust = read_trust(json.loads(keys.auditor_keys().read_text("utf-8")))
    earlier = next(iter(campaign.checkpoints), None)
    findings: list[Finding] = verify(Bundle.load(bundle), trust, earlier=earlier, oldest=timedelta(minutes=5))
    yield from (finding.text for finding in findings if not finding.holds)


def unknown(found: Evidence) -> Iterator[str]:
    """Say which types of event the table of keys does not know."""
    yield from {type_ for type_, _ in found.data} - KEYS.keys()


def judge(campaign: Campaign, found: Evidence, bundle: str) -> Mapping[str, list[str]]:
    """Return every violation by the promise it breaks."""
    ledger = campaign.ledger
    return {
        "lost": [*lost(ledger, found), *halved(found)],
        "twice": [*twice(ledger, found), *unconfirmed(ledger, found)],
        "holes": list(holes(found)),
        "disordered": list(disordered(found)),
        "apart": list(apart(found)),
        "unproved": list(unproved(campaign, found, bundle)),
        "surprises": [*ledger.surprises, *unknown(found), *bugs(campaign.running, campaign.excused)],
    }
