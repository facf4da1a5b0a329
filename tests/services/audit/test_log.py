"""The log on a real database: what arrives becomes leaves once, in a tree that grows, and what was edited is found."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.embedded.stack import Stack
from services.audit import store
from services.audit.domain.bundle import END, BadBundle, Bundle, Cover
from services.audit.domain.merkle import Tiles, edge_of, leaf_hash, tiles_above
from services.audit.domain.note import Checkpoint, NoteKey
from services.audit.domain.reading import Filter
from services.audit.service import keeping, sequencing
from services.audit.service.reading import Contents, carry_away
from shared import alarms, events
from shared.db import Database
from shared.events import Event, Received
from shared.ids import new
from shared.keys import ServiceKey
from tests.services.audit.log import verify_inclusion

pytestmark = pytest.mark.stack

KEY = NoteKey("test.example/log", Ed25519PrivateKey.generate())
SOURCE_KEY = ServiceKey(Ed25519PrivateKey.generate())
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def make_event(sequence: int, *, source: str = "consent", dossier: UUID | None = None, at: datetime = NOW) -> Received:
    data = {"nonce": secrets.token_hex(4)} | ({"dossier_uid": str(dossier)} if dossier else {})
    event = Event(f"{source}.happened.v1", "key", data, at)
    raw = events.encode(source, event, sequence=sequence, previous=sequence - 1, partition=0)
    received = events.decode(raw, signature=SOURCE_KEY.sign(raw), kid=SOURCE_KEY.kid)
    assert isinstance(received, Received)
    return received


async def keep(db: Database, arriving: Sequence[Received]) -> None:
    async with db.transaction() as tx:
        for event in arriving:
            await keeping.keep(tx, event)


async def kinds_of_alarms(db: Database) -> list[str]:
    async with db.read() as tx:
        return [alarm.kind for alarm in await alarms.raised(tx)]


async def test_what_arrives_becomes_a_leaf_once_under_a_checkpoint_that_grows(db: Database) -> None:
    first, second = make_event(1), make_event(2)
    await keep(db, [first])
    await sequencing.sequence(db, key=KEY, now=NOW)
    await keep(db, [second, first])
    assert await sequencing.sequence(db, key=KEY, now=NOW) == {"consent": 2}
    assert await sequencing.sequence(db, key=KEY, now=NOW) == {}
    async with db.read() as tx:
        newest = await store.newest_checkpoint(tx)
        leaves = await store.leaves(tx, 0, 2)
    assert newest is not None
    checkpoint = Checkpoint.open(newest[1], KEY.verifier)
    tiles = Tiles(0, lambda where: b"")
    tiles.append(leaf_hash(leaf) for leaf in leaves)
    assert (checkpoint.size, checkpoint.root) == (2, tiles.root())


async def test_a_hole_that_is_filled_late_seals_at_once_all_that_lies_beyond_it(db: Database) -> None:
    beyond = 10_500
    async with db.transaction() as tx:
        await tx.execute(
            """INSERT INTO entry (source, sequence, event_id, type, time, digest, canonical, signature, kid, salt)
               SELECT 'consent', n, gen_random_uuid(), 'often.v1', $2::timestamptz, sha256(n::text::bytea),
                      'c', 's', 'k', 'x' FROM generate_series(2, $1) AS n""",
            beyond, NOW,
        )  # fmt: skip
    assert await sequencing.sequence(db, key=KEY, now=NOW) == {}
    await keep(db, [make_event(1)])
    assert await sequencing.sequence(db, key=KEY, now=NOW) == {"consent": beyond}


@pytest.mark.parametrize("count", [1, 64, 130])
async def test_a_bundle_written_some_leaves_at_a_time_is_the_whole_bundle(db: Database, count: int) -> None:
    await keep(db, [make_event(number) for number in range(1, count + 1)])
    await sequencing.sequence(db, key=KEY, now=NOW)
    async with db.read() as tx:
        leaves = await store.leaves(tx, 0, count)
    cover = Cover(made_at=NOW, checkpoint="", watermarks=[])
    async with db.read() as tx:
        arrived = await store.find_arrivals(tx, Filter(), below=count, limit=1_000)
        opened = await store.opened(tx, arrived)
    contents = Contents(cover, arrived, count)
    pieces = [piece async for piece in carry_away(db, contents, at_once=64)]
    assert max(piece.count('"salt"') for piece in pieces) <= 6  # of ten thousand, too, few are in memory
    written = "".join(pieces)
    assert (len(leaves), [each.index for each in opened]) == (count, list(range(count)))
    assert Bundle.load(written) == Bundle(made_at=NOW, checkpoint="", watermarks=[], opened=opened, leaves=leaves)
    with pytest.raises(BadBundle):
        Bundle.load(written[: -len(END)])
    with_rows_gone = "".join([piece async for piece in carry_away(db, Contents(cover, [], count + 70), at_once=64)])
    assert Bundle.load(with_rows_gone).leaves == leaves


async def test_a_log_of_many_batches_proves_each_leaf_from_the_tiles_it_stored(db: Database) -> None:
    await keep(db, [make_event(number) for number in range(1, 600)])
    await sequencing.sequence(db, key=KEY, now=NOW)
    await keep(db, [make_event(number) for number in range(600, 700)])
    await sequencing.sequence(db, key=KEY, now=NOW)
    async with db.read() as tx:
        newest = await store.newest_checkpoint(tx)
        assert newest is not None
        checkpoint = Checkpoint.open(newest[1], KEY.verifier)
        leaves = await store.leaves(tx, 0, checkpoint.size)
        for index in (0, 255, 256, 511, 512, 698):
            tiles = await store.tiles(tx, {*tiles_above(index, checkpoint.size), *edge_of(checkpoint.size)})
            proof = Tiles(checkpoint.size, lambda where, tiles=tiles: tiles[where]).inclusion_proof(index)
            leaf = leaf_hash(leaves[index])
            assert verify_inclusion(leaf, index=index, size=checkpoint.size, proof=proof, root=checkpoint.root)


async def test_one_number_for_two_events_raises_an_alarm_and_the_first_stays(db: Database) -> None:
    genuine = make_event(1)
    await keep(db, [genuine])
    await keep(db, [genuine])
    assert await kinds_of_alarms(db) == []
    await keep(db, [make_event(1)])
    assert await kinds_of_alarms(db) == ["two_digests"]
    async with db.read() as tx:
        assert await tx.fetchval("SELECT event_id FROM entry") == genuine.id


async def test_a_hole_that_stays_raises_an_alarm_and_is_not_sealed_over(db: Database) -> None:
    await keep(db, [make_event(1), make_event(3)])
    assert await sequencing.sequence(db, key=KEY, now=NOW) == {"consent": 1}
    async with db.transaction() as tx:
        await sequencing.watch_for_omissions(tx, now=NOW + timedelta(seconds=30), bound=timedelta(minutes=1))
    assert await kinds_of_alarms(db) == []
    async with db.transaction() as tx:
        await sequencing.watch_for_omissions(tx, now=NOW + timedelta(seconds=90), bound=timedelta(minutes=1))
    assert await kinds_of_alarms(db) == ["omission"]
    await keep(db, [make_event(2)])
    assert await sequencing.sequence(db, key=KEY, now=NOW) == {"consent": 3}
    async with db.transaction() as tx:
        await sequencing.watch_for_omissions(tx, now=NOW + timedelta(seconds=90), bound=timedelta(minutes=1))
    assert await kinds_of_alarms(db) == []


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE entry SET type = 'consent.other.v1' WHERE sequence = 2",
        "UPDATE entry SET canonical = canonical || '\\x20' WHERE sequence = 2",
        "UPDATE entry SET salt = sha256(salt) WHERE sequence = 2",
        "DELETE FROM entry WHERE sequence = 2",
        "UPDATE leaf SET canonical = canonical || '\\x20' WHERE index = 1",
        "UPDATE tile SET hashes = sha256(hashes) || substring(hashes FROM 33)",
    ],
)
async def test_a_row_that_was_edited_behind_our_back_is_found_by_hashing_again(
    db: Database, migrated: Stack, edit: str
) -> None:
    await keep(db, [make_event(number) for number in (1, 2, 3)])
    await sequencing.sequence(db, key=KEY, now=NOW)
    assert await sequencing.rehash(db) is None
    owner = await asyncpg.connect(migrated.databases["audit"].owner)
    await owner.execute(edit)
    await owner.close()
    assert await sequencing.rehash(db) == (0 if "tile" in edit else 1)
    assert await kinds_of_alarms(db) == ["edited_row"]


async def test_erasing_what_an_event_said_leaves_every_leaf_holding(db: Database) -> None:
    await keep(db, [make_event(number) for number in (1, 2, 3)])
    await sequencing.sequence(db, key=KEY, now=NOW)
    async with db.transaction() as tx:
        await tx.execute("UPDATE entry SET canonical = NULL, signature = NULL, salt = NULL WHERE sequence = 2")
    assert await sequencing.rehash(db) is None


async def test_events_are_found_by_time_type_and_dossier(db: Database) -> None:
    dossier = new()
    await keep(
        db, [make_event(1), make_event(2, dossier=dossier), make_event(1, source="reuse", at=NOW + timedelta(1))]
    )
    await sequencing.sequence(db, key=KEY, now=NOW)

    async def found(**wanted: object) -> list[int | None]:
        filter_ = store.Filter(**wanted)  # pyright: ignore[reportArgumentType] - the test names real fields
        async with db.read() as tx:
            rows = await store.find_events(tx, filter_, below=3, after=0, limit=10)
        return [event.index if event else None for _, event in rows]

    assert await found() == [0, 1, 2]
    assert await found(dossier_uid=dossier) == [1]
    assert await found(type="reuse.happened.v1") == [2]
    assert await found(from_=NOW + timedelta(hours=1)) == [2]
    assert await found(until=NOW) == []
