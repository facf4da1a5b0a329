"""Outbox, relay and inbox, played with late commits, outages, loss, repetition, disorder and poison."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from infra.embedded.stack import Stack
from shared import arrival, outbox, redrive, sole
from shared.db import Tx, prepare
from shared.events import Received, Watermark
from shared.kafka import BrokerUnavailable, Kafka
from shared.relay import Relay
from tests.shared.conftest import FIRST, OTHER, PARTITIONS, SECOND, Pair
from tests.shared.machines import Machine, play
from tests.shared.wire import Broken, Interrupted, Late, Place, Seen, Wire, partition_of

pytestmark = pytest.mark.stack

KEYS = (FIRST, SECOND, OTHER)
WHERE = st.integers(0, PARTITIONS - 1)
SOME_KEYS = st.lists(st.sampled_from(KEYS), min_size=1, max_size=4)
OUTAGE = st.sampled_from(["", "", "", "before", "after"])
SKIP = st.sampled_from([0, 0, 0, 1, 2, -1, -3])
_RESET = """DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migration'
  LOOP EXECUTE format('TRUNCATE %I RESTART IDENTITY', name); END LOOP; END $$"""


class Messaging(Machine):
    """One source, its relay, and one reader that is delivered whatever lies on the wire, from wherever."""

    def __init__(self, loop: Any, pair: Pair, owners: list[str]) -> None:
        super().__init__(loop)
        self.pair = pair
        self.wire, self.broken = Wire(), Broken()
        self.relay: Relay = pair.relay(kafka=cast(Kafka, self.wire), watermark_every=0.0, batch=3)
        self.consumer = pair.consumer(self._handle, kafka=cast(Kafka, Wire()))  # for its dead letters
        self.late: list[Late] = []
        self.committed: dict[UUID, datetime] = {}
        self.cursor = dict.fromkeys(range(PARTITIONS), 0)
        self.effects: list[int] = []
        self.places: dict[int, Place] = {}
        self.do(_empty(owners))
        self.session = self.do(self._open_session())

    @rule(keys=SOME_KEYS, outage=OUTAGE, poison=st.booleans(), partition=WHERE, skip=SKIP, count=st.integers(1, 5))
    def go_on(self, keys: list[str], outage: str, poison: bool, partition: int, skip: int, count: int) -> None:
        """Do a little of everything, so that no game is without it."""
        for key in keys:
            self.do(self._commit(self.pair.event(key)))
        self.relay_round(outage)
        if poison:
            self.broken.keys.add(keys[0])
        self.deliver(partition, skip, count)

    @precondition(lambda self: len(self.late) < 3)
    @rule(key=st.sampled_from(KEYS))
    def begin(self, key: str) -> None:
        self.late.append(self.do(self._begin(key)))

    @precondition(lambda self: self.late)
    @rule(which=st.integers(0, 2), kept=st.booleans())
    def end(self, which: int, kept: bool) -> None:
        self.do(self._end(self.late.pop(which % len(self.late)), kept=kept))

    @rule(outage=OUTAGE)
    def relay_round(self, outage: str) -> None:
        self.wire.outage = outage
        with suppress(BrokerUnavailable):
            self.do(self._round())
        self.wire.outage = ""

    @precondition(lambda self: any(self.wire.lying.values()))
    @rule(partition=WHERE, skip=SKIP, count=st.integers(1, 5))
    def deliver(self, partition: int, skip: int, count: int) -> None:
        """Deliver what comes next, or something behind it, or something once more."""
        lying = self.wire.lying[partition]
        start = max(0, self.cursor[partition] + skip)
        if some := lying[start : start + count]:
            self.do(self.consumer._take_some(some))
            self.cursor[partition] = start + len(some)

    @rule(partition=WHERE, count=st.integers(1, 5))
    def deliver_in_an_outage(self, partition: int, count: int) -> None:
        """I5: what is begun and fails for want of a database is undone whole."""
        start = self.cursor[partition]
        self.broken.interrupted = True
        with suppress(Interrupted):
            self.do(self.consumer._take_some(self.wire.lying[partition][start : start + count]))
        self.broken.interrupted = False

    @precondition(lambda self: any(self.wire.lying.values()))
    @rule(which=st.integers(0, 50), what=st.sampled_from(["value", "signature"]))
    def deliver_a_forgery(self, which: int, what: str) -> None:
        """I5: one that was altered has no effect."""
        genuine = [record for lying in self.wire.lying.values() for record in lying]
        record = genuine[which % len(genuine)]
        forged = replace(record, value=record.value.replace(b"Z", b"Y", 1))
        if what == "signature":
            forged = replace(record, headers={**record.headers, "signature": bytes(64)})
        before = self.do(self._look())
        self.do(self.consumer._take_some([forged]))
        assert self.do(self._look()) == before

    @rule(key=st.sampled_from(KEYS), mended=st.booleans())
    def replay(self, key: str, mended: bool) -> None:
        if mended:
            self.broken.mend()
        self.do(self._replay(key))

    @invariant()
    def all_holds(self) -> None:
        seen = self.do(self._look())
        self._numbers_have_no_holes(seen)
        self._a_watermark_vouches_only_for_what_lies_before_it(seen)
        self._each_event_has_its_effect_once_and_in_order(seen)
        self._nothing_passes_a_hole(seen)
        self.effects, self.places = seen.effects, seen.places

    def _numbers_have_no_holes(self, seen: Seen) -> None:
        """I3: each committed event has one number at most, and the events of a partition are one chain."""
        rows = sorted((row for row in seen.sent if row["sequence"]), key=lambda row: row["sequence"])
        assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
        assert {row["event_id"] for row in seen.sent} == self.committed.keys()
        for partition in range(PARTITIONS):
            chain = [(row["previous"], row["sequence"]) for row in rows if row["partition"] == partition]
            assert all(before == previous for (_, before), (previous, _) in pairwise([(0, 0), *chain]))
            assert chain == [(r["previous"], r["sequence"]) for r in rows if seen.partition(r["sequence"]) == partition]

    def _a_watermark_vouches_only_for_what_lies_before_it(self, seen: Seen) -> None:
        """Everything committed before its T is on the wire before it, and `last` is the newest of that."""
        for partition, lying in self.wire.lying.items():
            before: dict[UUID, int] = {}
            for record in lying:
                arrived = arrival.read(record, self.pair.source, self.pair.trust)
                if isinstance(arrived, Received):
                    before[arrived.id] = arrived.sequence
                elif isinstance(arrived, Watermark):
                    mine = [row["event_id"] for row in seen.sent if partition_of(row["key"]) == partition]
                    assert before.keys() >= {each for each in mine if self.committed[each] <= arrived.t}
                    assert arrived.last == max(before.values(), default=0)

    def _each_event_has_its_effect_once_and_in_order(self, seen: Seen) -> None:
        assert len(seen.effects) == len(set(seen.effects)), "an effect twice"
        assert seen.effects[: len(self.effects)] == self.effects, "an effect undone"
        for number in seen.effects[len(self.effects) :]:
            parked = {n for n, outcome in seen.taken.items() if outcome == "parked" and n < number}
            assert seen.keys[number] not in {seen.keys[n] for n in parked}, "one went past what is parked before it"
        assert set(seen.effects) == {n for n, outcome in seen.taken.items() if outcome == "applied"}

    def _nothing_passes_a_hole(self, seen: Seen) -> None:
        """What is below the reader's number and not taken lies in a gap; T vouches only for what had its effect."""
        for partition, place in seen.places.items():
            mine = [n for n in seen.keys if seen.partition(n) == partition]
            missing = {n for n in mine if n <= place.number} - seen.taken.keys()
            assert missing == {n for have, upto in place.gaps for n in mine if have < n <= upto}
            assert all(upto <= have for (_, upto), (have, _) in pairwise(place.gaps))
            assert place.frozen == bool(missing or [n for n in mine if seen.taken.get(n) == "parked"])
            assert all(seen.taken.get(n) == "applied" for n in mine if n <= place.last)
            before = self.places.get(partition, place)
            assert (place.number, place.last) >= (before.number, before.last)

    def teardown(self) -> None:
        """In the end, after a refill and a replay, everything that was committed has its effect, once, and T moves."""
        self.broken.mend()
        for late in self.late:
            self.do(self._end(late, kept=True))
        while not self.do(self._round()):
            pass
        self.do(self._round())
        for lying in self.wire.lying.values():
            for start in range(0, len(lying), 50):
                self.do(self.consumer._take_some(lying[start : start + 50]))
        for key in KEYS:
            self.do(self._replay(key))
        self.do(self._round())
        for lying in self.wire.lying.values():
            self.do(self.consumer._take_some(lying[-3:]))
        self.do(self.session._connection.close())
        seen = self.do(self._look())
        assert sorted(seen.effects) == list(range(1, len(self.committed) + 1))
        for partition, place in seen.places.items():
            newest = max((n for n in seen.keys if seen.partition(n) == partition), default=0)
            assert (place.last, place.frozen, place.gaps) == (newest, False, [])
        assert self.do(self.pair.value("SELECT count(*) FROM alarm WHERE kind IN ('gap', 'parked')")) == 0

    async def _handle(self, tx: Tx, event: Received) -> None:
        await self.pair.note(tx, event)
        if self.broken.interrupted:
            raise Interrupted
        if self.broken.refuses(event):
            raise ValueError("poison")

    async def _commit(self, event: Any) -> None:
        async with self.pair.out.transaction() as tx:
            await outbox.append(tx, event)
        await self._note_committed(event.id)

    async def _note_committed(self, event_id: UUID) -> None:
        async with self.pair.out.read() as tx:
            self.committed[event_id] = await tx.fetchval("SELECT clock_timestamp()")

    async def _begin(self, key: str) -> Late:
        connection = await asyncpg.connect(self.pair.out_dsn)
        await prepare(connection)
        transaction = connection.transaction()
        await transaction.start()
        event = self.pair.event(key)
        await outbox.append(Tx(connection), event)
        return Late(connection, transaction, event.id)

    async def _end(self, late: Late, *, kept: bool) -> None:
        await (late.transaction.commit() if kept else late.transaction.rollback())
        await late.connection.close()
        if kept:
            await self._note_committed(late.event_id)

    async def _open_session(self) -> sole.Session:
        connection = await asyncpg.connect(self.pair.out_dsn)
        await prepare(connection)
        return sole.Session(connection)

    async def _round(self) -> bool:
        return await self.relay._round(self.session)

    async def _replay(self, key: str) -> None:
        handlers = {f"{self.pair.source}.happened.v1": self._handle}
        await redrive.replay_key(self.pair.into, self.pair.source, key, handlers=handlers)

    async def _look(self) -> Seen:
        async with self.pair.into.read() as tx:
            places = await tx.fetch("SELECT partition, number, coalesce(last, 0) AS last, frozen FROM reader_watermark")
            gaps = await tx.fetch("SELECT partition, have, upto FROM reader_gap ORDER BY have")
            taken = await tx.fetch("SELECT sequence, outcome FROM inbox")
        return Seen(
            sent=await self.pair.sent(),
            effects=await self.pair.effects(),
            taken={row["sequence"]: row["outcome"] for row in taken},
            places={
                p: Place(number, last, frozen, [(have, upto) for where, have, upto in map(tuple, gaps) if where == p])
                for p, number, last, frozen in map(tuple, places)
            },
        )


async def _empty(owners: list[str]) -> None:
    """Begin a game with nothing in either database."""
    for dsn in owners:
        owner = await asyncpg.connect(dsn)
        await owner.execute(_RESET)
        await owner.close()


@pytest.fixture
async def owners(stack: Stack, pair: Pair) -> list[str]:
    databases = await stack.postgres.ensure_databases(pair.source, pair.reader)
    return [database.owner for database in databases.values()]


async def test_each_event_has_its_effect_once_and_nothing_passes_a_hole(
    pair: Pair, owners: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3 and I5."""
    monkeypatch.setattr("shared.consumer._TRIES", 1)
    await play(lambda loop: Messaging(loop, pair, owners), games=20, steps=25)
