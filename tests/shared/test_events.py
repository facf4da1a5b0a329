"""An event has one form: what a source writes is what a reader accepts, and nothing else is."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared import events
from shared.events import Event, Malformed, Notice, Received, Watermark

NOW = datetime(2025, 7, 1, 8, 30, 0, 5, tzinfo=UTC)
EVENT = Event(
    type="consent.granted.v1",
    key="subject",
    data={"a": [1, None, "Hoà"]},
    time=NOW,
    id=UUID("00000000-0000-7000-8000-000000000007"),
)
# RFC 8785 cannot carry integers beyond 2^53, and events have no use for fractions.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def encoded() -> bytes:
    return events.encode("consent", EVENT, sequence=12, previous=9, partition=3)


def decode(canonical: bytes) -> Received | Notice:
    return events.decode(canonical, signature=b"s", kid="k")


def test_the_bytes_of_an_event_are_those_of_the_contract() -> None:
    assert encoded().decode() == (
        '{"data":{"a":[1,null,"Hoà"]},"datacontenttype":"application/json",'
        '"id":"00000000-0000-7000-8000-000000000007","partition":3,"partitionkey":"subject",'
        '"previous":"0000000000000000009","sequence":"0000000000000000012","source":"consent","specversion":"1.0",'
        '"time":"2025-07-01T08:30:00.000005Z","type":"consent.granted.v1"}'
    )


@given(data=st.dictionaries(st.text(max_size=5), JSON, max_size=4), key=st.text(min_size=1, max_size=50))
def test_what_is_written_is_read_back(data: Any, key: str) -> None:
    event = Event("consent.granted.v1", key.replace("\ud800", ""), data, NOW)
    read = decode(events.encode("consent", event, sequence=1, previous=0, partition=0))
    assert isinstance(read, Received)
    assert (read.source, read.type, read.key, read.data, read.time, read.id) == (
        "consent", event.type, event.key, data, NOW, event.id
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"specversion": "0.3"},
        {"sequence": 12},
        {"sequence": "12"},
        {"sequence": "9" * 19},
        {"sequence": "0" * 18 + "٣"},
        {"previous": "0" * 17 + "12"},
        {"partition": True},
        {"partition": -1},
        {"partitionkey": ""},
        {"partitionkey": "k" * 201},
        {"data": []},
        {"id": "00000000000070008000000000000007"},
        {"time": "2025-07-01T08:30:00Z"},
        {"time": "2025-07-01T08:30:00.5Z"},
        {"time": "2025-07-01T08:30:00.000005+07:00"},
        {"type": "identity.granted.v1"},
    ],
)  # fmt: skip
def test_an_event_that_is_not_as_we_write_is_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        decode(rfc8785.dumps(json.loads(encoded()) | change))


def test_an_event_without_one_of_its_members_is_malformed() -> None:
    message = json.loads(encoded())
    for name in message:
        with pytest.raises(Malformed):
            decode(rfc8785.dumps({other: value for other, value in message.items() if other != name}))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"NaN",
        b"1e400",
        b'{"a":"\\ud800"}',
        encoded() + b" ",
        encoded().replace(b'"partition":3', b'"partition":3,"partition":3'),
        encoded().replace(b"3", b"3.0", 1),
        encoded().replace("à".encode(), b"\\u00e0"),
        b'{"a":"' + b"x" * events.MAX_BYTES + b'"}',
    ],
)
def test_another_spelling_of_the_same_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed):
        decode(value)


def test_an_instant_is_written_in_utc_whatever_zone_it_came_in() -> None:
    assert events.written(datetime(2025, 7, 1, 15, 30, tzinfo=timezone(timedelta(hours=7)))) == (
        "2025-07-01T08:30:00.000000Z"
    )


def test_a_watermark_is_read_back_and_one_about_another_source_is_malformed() -> None:
    def mark(source: str) -> Watermark:
        data = events.watermark_data(source, 2, NOW, 41)
        notice = decode(events.encode_notice("consent", "consent.watermark.v1", data, time=NOW))
        assert isinstance(notice, Notice)
        return Watermark.of(notice)

    assert (mark("consent").partition, mark("consent").t, mark("consent").last) == (2, NOW, 41)
    with pytest.raises(Malformed):
        mark("identity")


@pytest.mark.parametrize("data", [{"n": 2**60}, {"n": float("nan")}, {"text": "\ud800"}, {"text": "x" * 300_000}])
def test_an_event_no_relay_could_publish_is_refused_before_it_is_committed(data: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each library names it differently; that it is one is the promise
        events.check(Event("consent.granted.v1", "subject", data, NOW))
