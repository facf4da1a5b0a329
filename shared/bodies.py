"""What routes are sent and what they answer: nothing converted, nothing unknown, never changed."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    JsonValue,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

_INSTANTS = {"date", "datetime", "time", "timedelta"}
_NOT_JSON = _INSTANTS | {"uuid", "enum", "url", "decimal", "tuple", "set", "frozenset"}
# Nine or twelve digits as a word of their own: `H31-202611240001` is somebody's file, not somebody.
_PERSONS_NUMBER = re.compile(r"(?<![\w./-])([0-9]{9}|[0-9]{12})(?![\w/-]|\.\w)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


class View(BaseModel):
    """What a route answers."""

    model_config = ConfigDict(frozen=True)


def _as_json_writes(schema: Any) -> Any:
    """Let types that JSON does not have be read from what it writes instead: text, or for a tuple an array."""
    if isinstance(schema, list):
        return [_as_json_writes(one) for one in cast(list[Any], schema)]
    if not isinstance(schema, dict):
        return schema
    walked = {name: _as_json_writes(value) for name, value in cast(dict[str, Any], schema).items()}
    if walked.get("type") in _NOT_JSON:
        walked["strict"] = False
    return _guarded(cast(CoreSchema, walked), walked.get("type"))


def _guarded(schema: CoreSchema, kind: object) -> CoreSchema:
    if kind == "str":
        return core_schema.no_info_after_validator_function(refuse_nul, schema)
    if kind == "datetime":
        schema = core_schema.no_info_after_validator_function(_in_utc, schema)
    if kind in _INSTANTS:  # pydantic would take a number for the seconds since 1970
        return core_schema.no_info_before_validator_function(_refuse_numbers, schema)
    return schema


def refuse_nul(text: str) -> str:
    """Refuse the one character that JSON and forms can carry and a `text` column cannot."""
    if "\0" in text:
        raise PydanticCustomError("nul_character", "a text holds no NUL")
    return text


def refuse_persons_number(text: str) -> str:
    """Refuse a text with an identity number in it."""
    if _PERSONS_NUMBER.search(text):
        raise PydanticCustomError("persons_number", "this could be somebody's number")
    return text


def _refuse_numbers(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise PydanticKnownError("string_type")
    return value


def _in_utc(value: datetime) -> datetime:
    """Refuse an instant that an offset carries beyond the years a clock can show."""
    try:
        return value.astimezone(UTC) if value.tzinfo else value
    except OverflowError:
        raise PydanticCustomError("datetime_out_of_range", "no such instant in UTC") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_refuse_numbers), AfterValidator(_in_utc)]
"""An instant in a query: with its offset, for which midnight is meant is not ours to guess."""


def _refuse_broken_texts(value: JsonValue) -> JsonValue:
    """Refuse JSON in which some text is none: half a surrogate pair, or with a NUL in it."""
    match value:
        case str():
            if any("\ud800" <= char <= "\udfff" for char in refuse_nul(value)):
                raise PydanticCustomError("string_unicode", "a text is Unicode")
        case dict():
            for name, member in value.items():
                _refuse_broken_texts(name)
                _refuse_broken_texts(member)
        case list():
            for member in value:
                _refuse_broken_texts(member)
        case _:
            pass
    return value


Json = Annotated[JsonValue, AfterValidator(_refuse_broken_texts)]
"""Any JSON at all, with the texts of it held to what other members' are."""

Text = AfterValidator(refuse_nul)
"""Put behind a `str` of a query or a form, as bodies have it anyway."""

NoPersonsNumber = AfterValidator(refuse_persons_number)
"""Put behind what enters events and the log for good."""

LARGEST_NUMBER = (1 << 63) - 1
"""What a `bigint` column can be compared with."""


class Body(BaseModel):
    """What a route is sent. Strict as JSON is: `"3"` and `false` are no numbers, and an unknown member is an error.

    FastAPI parses JSON before pydantic sees it, where pydantic's own strictness refuses a UUID for being a string.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Build the schema as pydantic does, then loosen it for what JSON cannot write."""
        schema = handler(source)
        resolved = cast(dict[str, Any], handler.resolve_ref_schema(schema))
        resolved["schema"] = _as_json_writes(resolved["schema"])
        return schema
