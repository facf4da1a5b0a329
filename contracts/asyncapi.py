"""Writes the AsyncAPI 3.0 document from the catalogue of events; payloads are the JSON Schemas themselves."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from contracts.event_catalogue import EventType, load_event_types, retention_of
from contracts.files import ROOT

PATH = ROOT / "asyncapi.yaml"
_SERVICES = ("identity", "consent", "reuse", "audit")
_CONTENT_TYPE = "application/cloudevents+json"
_HEADERS = {
    "type": "object",
    "required": ["content-type", "signature", "kid"],
    "properties": {
        "content-type": {"const": _CONTENT_TYPE},
        "signature": {"description": "Ed25519 over the value's bytes as they are (64 raw bytes).", "type": "string"},
        "kid": {"description": "RFC 7638 thumbprint of the service's key.", "type": "string"},
        "traceparent": {"description": "W3C Trace Context; outside the signature.", "type": "string"},
    },
}


def render() -> str:
    """Return the document as YAML, the same bytes for the same catalogue."""
    head = "# Made by `make contracts` from events/catalogue.yaml: do not edit.\n"
    return head + yaml.safe_dump(_document(), sort_keys=False, allow_unicode=True, width=120)


def _document() -> dict[str, Any]:
    types = list(load_event_types().values())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Một Lần: events",
            "version": "1.0.0",
            "description": (
                "CloudEvents 1.0 JSON in structured mode, one topic per service. The Kafka value is the canonical "
                "(RFC 8785) bytes of the event, signed by the service in a header. No event holds personal data."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": _CONTENT_TYPE,
        "channels": {owner: _channel(owner, _of(owner, types)) for owner in _SERVICES},
        "operations": _operations(types),
        "components": {
            "messages": {each.type: _message(each) for each in types},
            "messageTraits": {"signed": {"contentType": _CONTENT_TYPE, "headers": _HEADERS}},
        },
    }


def _of(owner: str, types: Iterable[EventType]) -> list[EventType]:
    return [each for each in types if each.owner == owner]


def _channel(owner: str, types: Iterable[EventType]) -> dict[str, Any]:
    return {
        "address": f"{owner}.events",
        "description": f"Everything {owner} says. Its partition count never changes.",
        "messages": {each.type: {"$ref": f"#/components/messages/{each.type}"} for each in types},
    }


def _operations(types: list[EventType]) -> dict[str, Any]:
    sends = {f"{owner}-says": _operation("send", owner, _of(owner, types)) for owner in _SERVICES}
    reads = {
        f"{reader}-reads-{owner}": _operation("receive", owner, heard)
        for reader in _SERVICES
        for owner in _SERVICES
        if (heard := [each for each in _of(owner, types) if reader in each.readers])
    }
    return sends | reads


def _operation(action: str, owner: str, types: Iterable[EventType]) -> dict[str, Any]:
    messages = [{"$ref": f"#/channels/{owner}/messages/{each.type}"} for each in types]
    return {"action": action, "channel": {"$ref": f"#/channels/{owner}"}, "messages": messages}


def _message(each: EventType) -> dict[str, Any]:
    return {
        "name": each.type,
        "title": each.type,
        "summary": each.summary,
        "traits": [{"$ref": "#/components/messageTraits/signed"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{each.schema}"},
        },
        "examples": [{"name": each.type, "payload": each.example}],
        **_extensions(each),
    }


def _extensions(each: EventType) -> Mapping[str, Any]:
    return {
        "x-owner": each.owner,
        "x-readers": list(each.readers),
        "x-key": list(each.key) or "every partition",
        "x-logged": each.numbered,
        "x-personal-data": each.personal_data,
        "x-retention": dict(retention_of(each)),
    }
