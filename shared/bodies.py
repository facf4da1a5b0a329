"""What routes are sent and what they answer: nothing converted, nothing unknown, never changed."""

import re
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

_INSTANTS = {"date", "datetime", "time", "timedelta"}
_NOT_JSON = _INSTANTS | {"uuid", "enum", "url", "decimal", "tuple", "set", "frozenset"}
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
    if walked.get("type") in _INSTANTS:  # pydantic would take a number for the seconds since 1970
        return core_schema.no_info_before_validator_function(_refuse_numbers, cast(CoreSchema, walked))
    return walked


def _refuse_numbers(value: object) -> object:
    if isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        raise PydanticKnownError("string_type")
    return value


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
