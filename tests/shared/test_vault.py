"""Fields open only with their citizen's key, at their own place; destroying the key row erases them (I6, I9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.vault import Undecipherable, Vault, blind_index

KEK = b"k" * 32
VAULT = Vault(KEK)
AAD = "citizen|full_name|0190|1"


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_again(plaintext: bytes) -> None:
    key = VAULT.new_data_key()
    assert VAULT.open(key, VAULT.seal(key, plaintext, AAD), AAD) == plaintext


def test_the_same_value_never_looks_the_same() -> None:
    key = VAULT.new_data_key()
    assert VAULT.seal(key, b"An", AAD) != VAULT.seal(key, b"An", AAD)


def test_a_value_does_not_open_in_another_row_column_or_version() -> None:
    key = VAULT.new_data_key()
    sealed = VAULT.seal(key, b"An", AAD)
    for other in ("citizen|full_name|0191|1", "citizen|pin|0190|1", "citizen|full_name|0190|2"):
        with pytest.raises(Undecipherable):
            VAULT.open(key, sealed, other)


def test_a_value_does_not_open_with_another_citizens_key() -> None:
    sealed = VAULT.seal(VAULT.new_data_key(), b"An", AAD)
    with pytest.raises(Undecipherable):
        VAULT.open(VAULT.new_data_key(), sealed, AAD)


@given(st.data())
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    key = VAULT.new_data_key()
    sealed = bytearray(VAULT.seal(key, b"An", AAD))
    wrapped = bytearray(key)
    target = data.draw(st.sampled_from([sealed, wrapped]))
    target[data.draw(st.integers(0, len(target) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Undecipherable):
        VAULT.open(bytes(wrapped), bytes(sealed), AAD)


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 12])
def test_what_is_too_short_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Undecipherable):
        VAULT.open(VAULT.new_data_key(), sealed, AAD)


def test_a_key_of_another_vault_is_named_as_such() -> None:
    with pytest.raises(Undecipherable, match="not configured"):
        VAULT.open(Vault(b"o" * 32).new_data_key(), b"", AAD)


def test_the_key_encryption_key_rotates_while_everything_stays_readable() -> None:
    wrapped = VAULT.new_data_key()
    sealed = VAULT.seal(wrapped, b"An", AAD)
    rotating = Vault(b"n" * 32, KEK)
    assert rotating.open(wrapped, sealed, AAD) == b"An"
    assert not rotating.is_current(wrapped)
    rewrapped = rotating.rewrap(wrapped)
    assert rotating.is_current(rewrapped)
    assert Vault(b"n" * 32).open(rewrapped, sealed, AAD) == b"An"


def test_a_blind_index_is_found_again_only_with_its_key() -> None:
    assert blind_index(KEK, "032099000123") == blind_index(KEK, "032099000123")
    assert blind_index(KEK, "032099000123") != blind_index(KEK, "032099000124")
    assert blind_index(KEK, "032099000123") != blind_index(b"o" * 32, "032099000123")
    assert len(blind_index(KEK, "032099000123")) == 32


@pytest.mark.parametrize("key", [b"", b"k" * 31, b"k" * 33])
def test_a_key_of_another_size_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32"):
        Vault(key)
    with pytest.raises(ValueError, match="32"):
        blind_index(key, "x")
