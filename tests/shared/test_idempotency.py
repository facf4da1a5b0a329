"""The Idempotency-Key as it is read, and what makes two requests the same."""

import json
from typing import Any, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.idempotency import IdempotencyKeyInvalid, fingerprint, parse_key

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
EXACT = 2**53 - 1  # larger ones have no one spelling (RFC 8785)
NUMBERS = st.integers(-EXACT, EXACT) | st.floats(allow_nan=False, allow_infinity=False)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def test_a_key_is_a_quoted_string() -> None:
    assert parse_key([f'"{KEY}"']) == KEY
    assert parse_key([f'  "{KEY}" ']) == KEY
    assert parse_key([r'"a \"quoted\" word and a \\"']) == 'a "quoted" word and a \\'


def test_no_header_is_no_key() -> None:
    assert parse_key([]) is None


@pytest.mark.parametrize(
    "header",
    [KEY, "", '""', f'"{KEY}', f'"{KEY}";a=1', f'"{KEY}", "{KEY}"', '"short"', f'"{"x" * 256}"', '"Nguyễn Thị Mười Ba"',
     f'"{KEY}\\n"', f'"{KEY}\t"', f"'{KEY}'", ":OGUwMzk3OGUtNDBkNS00M2U4:"],
)  # fmt: skip
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        parse_key([header])


def test_two_keys_are_none() -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        parse_key([f'"{KEY}"', f'"{KEY}"'])


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=16, max_size=255))
def test_every_printable_key_is_read_as_it_was_meant(key: str) -> None:
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_key([f'"{quoted}"']) == key


@given(JSON, st.randoms())
def test_spelling_does_not_make_another_request(value: Any, random: Any) -> None:
    spelled = json.dumps(_shuffled(value, random), indent=random.choice([None, 1]), ensure_ascii=random.random() < 0.5)
    assert fingerprint(KEY, spelled.encode(), path="/x") == fingerprint(KEY, json.dumps(value).encode(), path="/x")


@given(JSON, JSON)
def test_another_meaning_is_another_request(one: Any, other: Any) -> None:
    assume(not _same(one, other))
    assert fingerprint(KEY, json.dumps(one).encode()) != fingerprint(KEY, json.dumps(other).encode())


@pytest.mark.parametrize("change", ["method", "path", "agency", "actor", "dossier", "party"])
def test_another_place_or_right_is_another_request(change: str) -> None:
    asked: dict[str, Any] = dict.fromkeys(["method", "path", "agency", "actor", "dossier", "party"], "a")
    assert fingerprint(KEY, b"{}", **asked) != fingerprint(KEY, b"{}", **asked | {change: "b"})


def test_another_key_makes_another_hash_of_the_same_request() -> None:
    assert fingerprint(KEY, b"{}") != fingerprint(KEY[::-1], b"{}")


@pytest.mark.parametrize("body", [b"", b"{", b"[NaN]", b"\xff", b"[" * 5000, b'"\\ud800"', b"9" * 400])
def test_what_has_no_one_spelling_counts_as_it_was_sent(body: bytes) -> None:
    assert fingerprint(KEY, body) == fingerprint(KEY, body)
    assert fingerprint(KEY, body) != fingerprint(KEY, body + b" ")


def _shuffled(value: Any, random: Any) -> Any:
    match value:
        case dict():
            pairs = list(cast(dict[str, Any], value).items())
            random.shuffle(pairs)
            return {name: _shuffled(of, random) for name, of in pairs}
        case list():
            return [_shuffled(one, random) for one in cast(list[Any], value)]
        case _:
            return value


def _same(one: Any, other: Any) -> bool:
    """JSON has one kind of number, and truth is none: compare what RFC 8785 would, without it."""
    return _plain(one) == _plain(other)


def _plain(value: Any) -> Any:
    match value:
        case bool() | None | str():
            return (type(value).__name__, value)
        case dict():
            return {name: _plain(of) for name, of in cast(dict[str, Any], value).items()}
        case list():
            return [_plain(one) for one in cast(list[Any], value)]
        case _:
            return float(value)
