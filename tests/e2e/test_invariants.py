"""Invariants, held against what the whole system has done: its databases and its log, after logins and releases."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import asyncpg
import httpx2
import pytest

from infra.client.examples import new_application
from infra.demo.auditing import CASE
from infra.demo.cast import Application, Cast, open_application
from infra.demo.steps import code_of
from infra.embedded.keyring import SERVICES
from infra.embedded.laptop import Laptop

pytestmark = pytest.mark.stack


@asynccontextmanager
async def database(system: Laptop, name: str) -> AsyncGenerator["asyncpg.Connection[asyncpg.Record]"]:
    """Look into a service's database as its owner."""
    connection = await asyncpg.connect(system.stack.databases[name].owner, ssl=False)
    try:
        yield connection
    finally:
        await connection.close()


async def rows(system: Laptop, name: str, sql: str) -> list[asyncpg.Record]:
    async with database(system, name) as connection:
        return await connection.fetch(sql)


async def registered(cast: Cast, *, asked: str = "refused") -> Application:
    """Let a mother log in for a birth, and the ward collect and receive what is granted."""
    birth = await open_application(cast.justice, new_application("birth"))
    async with cast.person("mother") as person:
        token = await birth.login(person, "mother", asked)
    await birth.collect("mother", token)
    await birth.release("mother", token)
    return birth


_LEAVES = "SELECT l.source, l.sequence, e.digest FROM leaf l JOIN entry e ON e.leaf_index = l.index"


async def log_of(system: Laptop) -> dict[str, dict[int, bytes]]:
    """Return the digest of each leaf's event by source and number, once the log holds all that was committed."""
    end = time.monotonic() + 60
    while True:
        told = {name: await _numbers(system, name) for name in SERVICES}
        leaves: dict[str, dict[int, bytes]] = defaultdict(dict)
        for row in await rows(
            system, "audit", "SELECT l.source, l.sequence, e.digest FROM leaf l JOIN entry e ON e.leaf_index = l.index"
        ):
            assert row["sequence"] not in leaves[row["source"]], "one number, two leaves"
            leaves[row["source"]][row["sequence"]] = row["digest"]
        if None not in told.values() and leaves == {name: each for name, each in told.items() if each}:
            return dict(leaves)
        assert time.monotonic() < end, "the log does not hold all that was committed"
        await asyncio.sleep(0.3)


async def _numbers(system: Laptop, name: str) -> dict[int, bytes] | None:
    """Return the digest of each of a service's events by its number; None while one has none yet."""
    sent = await rows(system, name, "SELECT sequence, canonical FROM outbox")
    if any(row["sequence"] is None for row in sent):
        return None
    return {row["sequence"]: sha256(row["canonical"]).digest() for row in sent}


async def events_of(system: Laptop) -> list[dict[str, Any]]:
    """Return every event that the log keeps, in the order in which it received them."""
    kept = await rows(system, "audit", "SELECT canonical FROM entry ORDER BY arrived")
    return [json.loads(row["canonical"]) for row in kept]


async def test_I3_every_event_is_one_leaf_every_leaf_one_event_and_numbers_have_no_hole(
    system: Laptop, cast: Cast
) -> None:
    await registered(cast, asked="refused")
    leaves = await log_of(system)
    assert set(leaves) >= {"identity", "consent", "reuse"}
    for source, numbers in leaves.items():
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), source


@pytest.mark.parametrize(
    ("name", "type_", "member", "sql"),
    [
        ("identity", "identity.login-succeeded.v1", "login_id", "SELECT login_id FROM flow WHERE login_id IS NOT NULL"),
        (
            "consent",
            "consent.decided.v1",
            "request_id",
            "SELECT request_id FROM consent_request WHERE state = 'decided'",
        ),
        ("consent", "consent.granted.v1", "grant", "SELECT grant_id FROM consent_grant"),
        ("reuse", "reuse.released.v1", "release_id", "SELECT release_id FROM release"),
    ],
    ids=["login", "decision", "grant", "release"],
)
async def test_I3_each_grant_decision_login_and_release_is_one_event_of_the_log(
    system: Laptop, cast: Cast, name: str, type_: str, member: str, sql: str
) -> None:
    await registered(cast, asked="refused")
    await log_of(system)
    data = [event["data"] for event in await events_of(system) if event["type"] == type_]
    first = [each for each in data if not each.get("replay_of")]
    told = Counter(str(each["grant"]["grant_id"] if member == "grant" else each[member]) for each in first)
    assert told == Counter(str(row[0]) for row in await rows(system, name, sql))


async def test_I1_the_log_alone_shows_a_grant_for_everything_that_was_released(system: Laptop, cast: Cast) -> None:
    """By events only: each release's subject, client, agency, dossier and attributes are those of grants valid then."""
    await registered(cast)
    await log_of(system)
    events = await events_of(system)
    released = [event["data"] for event in events if event["type"] == "reuse.released.v1"]
    assert released
    for release in released:
        assert release["holding_ids"]
        given = [_state_at(events, grant_id, release["authorised_at"]) for grant_id in release["grant_ids"]]
        assert {grant["subject_id"] for grant in given} == {release["subject_id"]}
        covered = {name for grant in given if _is_for(grant, release) for name in grant["attributes"]}
        assert set(release["attributes"]) - covered == set()


def _state_at(events: list[dict[str, Any]], grant_id: str, at: str) -> dict[str, Any]:
    """Return what a grant was at a moment: the last that consent had said of it, still in force."""
    said = [e for e in events if e["source"] == "consent" and e["data"].get("grant", {}).get("grant_id") == grant_id]
    before = [event["data"]["grant"] for event in said if event["time"] <= at]
    newest = max(before, key=lambda grant: grant["version"])
    effective = [each["data"]["grant"]["effective_by"] for each in said if each["data"]["grant"]["effective_by"]]
    assert newest["state"] == "granted" or (newest["state"] == "withdrawn" and all(at < moment for moment in effective))
    assert newest["valid_from"] <= at
    assert not newest["valid_until"] or at < newest["valid_until"]
    return newest


def _is_for(grant: dict[str, Any], release: dict[str, Any]) -> bool:
    recipient = (grant["client_id"], grant["agency_uid"], grant["dossier_uid"])
    return grant["scope"] == "release" and recipient == (
        release["client_id"], release["agency"]["uid"], release["dossier_uid"],
    )  # fmt: skip


async def test_I7_no_surrogate_id_is_in_anything_a_city_system_is_answered(system: Laptop, cast: Cast) -> None:
    """Bodies, addresses and headers, and what is inside signed tokens, receipts and releases."""
    heard: list[str] = []

    async def listen(answer: httpx2.Response) -> None:
        await answer.aread()
        heard.append(f"{answer.url} {dict(answer.headers)} {answer.text}")

    cast.http.event_hooks["response"].append(listen)
    birth = await registered(cast)
    await birth.plan()
    token = await cast.justice.token("consent")
    await cast.justice.system.receipt(token, await _a_receipt(system, birth))
    assert await code_of(birth.release("father", None, "father-identity")) != "not refused"
    subjects = {str(row[0]) for row in await rows(system, "identity", "SELECT subject_id FROM citizen")}
    assert subjects
    assert len(heard) > 6
    opened = [text for answer in heard for text in (answer, *_inside_signed(answer))]
    assert len(opened) > len(heard), "there were tokens and releases to look into"
    assert [subject for subject in subjects for text in opened if subject in text] == []


async def _a_receipt(system: Laptop, birth: Application) -> str:
    """Return the receipt of what law gives in this dossier."""
    found = "SELECT receipt_id, dossier_uid FROM consent_grant WHERE dossier_uid IS NOT NULL"
    return next(str(row[0]) for row in await rows(system, "consent", found) if str(row[1]) == birth.uid)


def _inside_signed(text: str) -> Iterator[str]:
    """Return what the payload of every compact JWS in a text says."""
    for word in text.replace('"', " ").split():
        if word.startswith("eyJ") and word.count(".") == 2:
            payload = word.split(".")[1]
            yield urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8", "replace")


async def test_I10_a_look_at_the_log_becomes_a_leaf_of_the_log(system: Laptop, cast: Cast) -> None:
    office = cast.inspectorate
    case = CASE | {"case_no": "TTr-2026/I10"}
    await office.system.audit_events(await office.token("audit"), **case)
    leaves = await log_of(system)
    reads = [event for event in await events_of(system) if event["type"] == "audit.read.v1"]
    mine = [event for event in reads if event["data"]["case_no"] == "TTr-2026/I10"]
    assert [event["data"]["agency_uid"] for event in mine] == ["ag-000901"]
    assert int(mine[0]["sequence"]) in leaves["audit"]
