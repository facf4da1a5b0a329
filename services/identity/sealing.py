"""Seals what identifies a citizen, each field under her own key and for its place; finds her by a keyed hash."""

from uuid import UUID

import orjson
from pydantic import JsonValue

from services.identity.domain.ids import ClaimsId, SubjectId
from services.identity.domain.person import BirthDate, MatchKeys
from shared.vault import Vault, blind_index


class Safe:
    """The keys of identity's encrypted columns. Data keys come and go wrapped."""

    def __init__(self, vault: Vault, index_key: bytes) -> None:
        self._vault = vault
        self._index_key = index_key

    def index(self, pin: str) -> bytes:
        """Return the hash under which a number is found."""
        return blind_index(self._index_key, pin)

    def new_data_key(self) -> bytes:
        """Make the data key of a new citizen."""
        return self._vault.new_data_key()

    def seal_keys(self, wrapped: bytes, subject_id: SubjectId, version: int, keys: MatchKeys) -> tuple[bytes, ...]:
        """Encrypt number, name and birth date, in this order, for this version of her row."""
        parts = {"pin": keys.pin, "full_name": keys.full_name, "birth_date": keys.birth_date.text}
        return tuple(
            self._vault.seal(wrapped, text.encode(), _place("citizen", column, subject_id, version))
            for column, text in parts.items()
        )

    def open_keys(
        self, wrapped: bytes, subject_id: SubjectId, version: int, *, pin: bytes, full_name: bytes, birth_date: bytes
    ) -> MatchKeys:
        """Decrypt them."""

        def opened(column: str, sealed: bytes) -> str:
            return self._vault.open(wrapped, sealed, _place("citizen", column, subject_id, version)).decode()

        born = BirthDate(opened("birth_date", birth_date))
        return MatchKeys(opened("pin", pin), opened("full_name", full_name), born)

    def seal_value(self, wrapped: bytes, claims_id: ClaimsId, attribute: str, value: JsonValue) -> bytes:
        """Encrypt one claim."""
        return self._vault.seal(wrapped, orjson.dumps(value), _place("claim_value", attribute, claims_id, 1))

    def open_value(self, wrapped: bytes, claims_id: ClaimsId, attribute: str, sealed: bytes) -> JsonValue:
        """Decrypt it."""
        return orjson.loads(self._vault.open(wrapped, sealed, _place("claim_value", attribute, claims_id, 1)))


def _place(table: str, column: str, row: UUID, version: int) -> str:
    return f"{table}|{column}|{row}|{version}"
