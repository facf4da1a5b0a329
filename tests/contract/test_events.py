"""What services tell each other: every type has a schema and an example, is in the catalogue, and tells of nobody."""

import importlib
import json
import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
import yaml

from contracts import asyncapi
from contracts.event_catalogue import EventType, event_faults, load_event_types
from contracts.files import ROOT, faults
from shared import canonical
from shared.events import Notice, Received, decode
from shared.kafka import partition_for
from shared.messaging import SEALED
from tests.contract.events import assert_event_matches_schema

TYPES = load_event_types()
ACTING = sorted(path.parent.name for path in ROOT.parent.glob("services/*/consumer.py") if path.parent.name != "audit")
"""Services with a consumer; `audit` is left out, it reads everything there is."""
ALL = pytest.mark.parametrize("each", TYPES.values(), ids=lambda each: each.type)


def test_catalogue_schemas_and_examples_hold() -> None:
    assert list(event_faults()) == []


@ALL
def test_an_example_is_an_event_as_our_readers_take_it(each: EventType) -> None:
    read = decode(canonical.dumps(each.example), signature=b"", kid="")
    assert isinstance(read, Received if each.numbered else Notice)
    if isinstance(read, Received):
        assert read.partition == partition_for(read.key, 4)


@ALL
def test_the_data_of_an_example_match_what_services_are_held_to(each: EventType) -> None:
    assert_event_matches_schema(each.type, each.example["data"])


@ALL
def test_no_schema_leaves_room_for_what_nobody_agreed_to_say(each: EventType) -> None:
    """I6: a name smuggled in anywhere, not only at the top, breaks the schema."""
    for place in range(len(list(_objects(each.example["data"])))):
        event = deepcopy(each.example)
        list(_objects(event["data"]))[place]["full_name"] = "somebody"
        assert list(faults(event, each.schema)), f"object {place}"


@ALL
def test_every_member_is_promised(each: EventType) -> None:
    """A reader may rely on each member of a version: none is optional but the conditions an auditor may leave out."""
    for name in each.example["data"]:
        event = deepcopy(each.example)
        del event["data"][name]
        assert list(faults(event, each.schema)), name


@ALL
def test_no_example_holds_a_number_that_could_be_a_persons(each: EventType) -> None:
    texts = re.findall(r'"(?:[^"\\]|\\.)*"', json.dumps(each.example, ensure_ascii=False))
    assert not [text for text in texts if re.search(r"(?<![\w-])(\d{9}|\d{12})(?![\w-])", text)]


@pytest.mark.parametrize("client_ref", ["032194004217", "123456789", "Phạm Thu Hòa", "a b", ""])
def test_a_clients_reference_that_could_name_a_person_is_refused(client_ref: str) -> None:
    data = TYPES["reuse.dossier-opened.v1"].example["data"]
    with pytest.raises(AssertionError, match="client_ref"):
        assert_event_matches_schema("reuse.dossier-opened.v1", {**data, "client_ref": client_ref})


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "retention"},  # it still names a client, an agency and a dossier
        {"kind": "consent"},  # it still names a rule
        {"attributes": ["person.full_name", "person.full_name"]},
        {"state": "withdrawn"},  # not what this event says
    ],
)
def test_a_grant_that_contradicts_itself_is_refused(changes: Mapping[str, Any]) -> None:
    data = TYPES["consent.granted.v1"].example["data"]
    with pytest.raises(AssertionError):
        assert_event_matches_schema("consent.granted.v1", {**data, "grant": {**data["grant"], **changes}})


def test_a_wrong_key_is_noticed() -> None:
    example = TYPES["reuse.released.v1"].example
    assert_event_matches_schema("reuse.released.v1", example["data"], example["data"]["subject_id"])
    with pytest.raises(AssertionError, match="key"):
        assert_event_matches_schema("reuse.released.v1", example["data"], example["data"]["dossier_uid"])


def test_a_failed_login_without_a_dossier_is_ordered_by_its_flow() -> None:
    data = {**TYPES["identity.login-failed.v1"].example["data"], "dossier_uid": None, "party_uid": None}
    assert_event_matches_schema("identity.login-failed.v1", data, data["flow_id"])


def test_the_asyncapi_document_on_disk_is_the_one_of_the_catalogue() -> None:
    assert asyncapi.PATH.read_text("utf-8") == asyncapi.render()


def test_the_asyncapi_document_lists_every_type_and_its_references_lead_somewhere() -> None:
    document = yaml.safe_load(asyncapi.render())
    assert document["components"]["messages"].keys() == TYPES.keys()
    said = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert said == TYPES.keys()
    for reference in _references(document):
        assert _leads_somewhere(reference, document), reference


@pytest.mark.parametrize("service", ACTING)
def test_a_service_acts_on_exactly_the_events_it_is_named_a_reader_of(service: str) -> None:
    consumer = importlib.import_module(f"services.{service}.consumer")
    handlers = consumer.HANDLERS if hasattr(consumer, "HANDLERS") else consumer.make_handlers(None)
    acts_on = {*handlers, SEALED}  # the kernel notes for every service how far its own events are sealed
    named = {each.type for each in TYPES.values() if service in each.readers and "watermark" not in each.type}
    assert acts_on == named


def _objects(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return [found for one in content for found in _objects(one)]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(content, dict):
        return [content, *(found for one in content.values() for found in _objects(one))]  # pyright: ignore[reportUnknownVariableType]
    return []


def _references(content: Any) -> list[str]:
    found = [one["$ref"] for one in _objects(content) if "$ref" in one]
    return [reference for reference in found if isinstance(reference, str)]


def _leads_somewhere(reference: str, document: Any) -> bool:
    if not reference.startswith("#/"):
        return (ROOT / reference).exists()
    for name in reference.removeprefix("#/").split("/"):
        document = document.get(name, {})
    return bool(document)
