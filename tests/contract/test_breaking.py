"""Each rule of what breaks a contract is broken once, and each change that is allowed passes."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from contracts.breaking import event_breaks, openapi_breaks
from contracts.promises import RELEASED, Promises, changed_events, interface_breaks
from contracts.release import main

BODY = "/paths/~1reuse~1dossiers~1{uid}/post/requestBody/content/application~1json/schema"
ANSWER = "/paths/~1reuse~1dossiers~1{uid}/post/responses/200/content/application~1json/schema"


def make_document() -> dict[str, Any]:
    """Make a document with one operation that takes and tells a bit of everything."""
    sent = {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind"],
        "properties": {
            "kind": {"enum": ["online", "counter"]},
            "ref": {"type": "string", "maxLength": 20, "pattern": "^[a-z]+$"},
            "count": {"type": "number"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "facts": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    told = {
        "type": "object",
        "required": ["state", "parties"],
        "properties": {
            "state": {"enum": ["draft", "closed"]},
            "parties": {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1},
            "code": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
    }
    operation: dict[str, Any] = {
        "parameters": [
            {"in": "path", "name": "uid", "required": True, "schema": {"type": "string", "format": "uuid"}},
            {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": sent}}},
        "responses": {
            "200": {"headers": {"ETag": {}}, "content": {"application/json": {"schema": told}}},
            "default": {"content": {"application/problem+json": {"schema": {"type": "object"}}}},
        },
    }
    return {"paths": {"/reuse/dossiers/{uid}": {"post": operation}}}


def operation(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/reuse/dossiers/{uid}"]["post"]


def sent(document: dict[str, Any]) -> dict[str, Any]:
    return operation(document)["requestBody"]["content"]["application/json"]["schema"]


def told(document: dict[str, Any]) -> dict[str, Any]:
    return operation(document)["responses"]["200"]["content"]["application/json"]["schema"]


Change = Callable[[dict[str, Any]], object]

BREAKS: dict[str, tuple[Change, str]] = {
    "a path goes": (lambda d: d["paths"].clear(), "/paths/~1reuse~1dossiers~1{uid}/post: removed"),
    "a parameter must be sent": (
        lambda d: operation(d)["parameters"][1].update(required=True),
        "/parameters: query limit must be sent now",
    ),
    "a new parameter must be sent": (
        lambda d: operation(d)["parameters"].append({"in": "header", "name": "X", "required": True, "schema": {}}),
        "/parameters: header X must be sent now",
    ),
    "a parameter goes": (lambda d: operation(d)["parameters"].pop(), "/parameters: query limit is no longer read"),
    "a parameter's highest value sinks": (
        lambda d: operation(d)["parameters"][1]["schema"].update(maximum=50),
        "/parameters/limit/schema/maximum: what was taken may be refused by maximum",
    ),
    "the body goes": (lambda d: operation(d).pop("requestBody"), "/requestBody: is no longer read"),
    "a kind of body goes": (
        lambda d: operation(d)["requestBody"]["content"].clear(),
        "/requestBody/content/application~1json: removed",
    ),
    "a field must be sent": (lambda d: sent(d)["required"].append("ref"), f"{BODY}/required: ref must be sent now"),
    "a field is no longer read": (lambda d: sent(d)["properties"].pop("ref"), f"{BODY}/properties/ref: removed"),
    "a type is no longer taken": (
        lambda d: sent(d)["properties"]["ref"].update(type="integer"),
        f"{BODY}/properties/ref/type: string is no longer taken",
    ),
    "a number must be whole": (
        lambda d: sent(d)["properties"]["count"].update(type="integer"),
        f"{BODY}/properties/count/type: fraction is no longer taken",
    ),
    "an alternative is no longer taken": (
        lambda d: sent(d)["properties"]["note"]["anyOf"].pop(),
        f"{BODY}/properties/note/type: null is no longer taken",
    ),
    "a value is no longer taken": (
        lambda d: sent(d)["properties"]["kind"]["enum"].remove("counter"),
        f'{BODY}/properties/kind/enum: "counter" is no longer taken',
    ),
    "only listed values are taken": (
        lambda d: sent(d)["properties"]["ref"].update(enum=["a"]),
        f"{BODY}/properties/ref/enum: whatever is not listed is no longer taken",
    ),
    "another pattern is asked for": (
        lambda d: sent(d)["properties"]["ref"].update(pattern="^[a-m]+$"),
        f"{BODY}/properties/ref/pattern: what was taken may be refused by pattern",
    ),
    "a text may be less long": (
        lambda d: sent(d)["properties"]["ref"].update(maxLength=19),
        f"{BODY}/properties/ref/maxLength: what was taken may be refused by maxLength",
    ),
    "a text must be long": (
        lambda d: sent(d)["properties"]["ref"].update(minLength=2),
        f"{BODY}/properties/ref/minLength: what was taken may be refused by minLength",
    ),
    "other members are refused": (
        lambda d: sent(d)["properties"]["facts"].update(additionalProperties=False),
        f"{BODY}/properties/facts/additionalProperties: other members are no longer taken",
    ),
    "other members must be something else": (
        lambda d: sent(d)["properties"]["facts"].update(additionalProperties={"type": "boolean"}),
        f"{BODY}/properties/facts/additionalProperties/type: string is no longer taken",
    ),
    "a status goes": (lambda d: operation(d)["responses"].pop("default"), "/responses/default: removed"),
    "another success is told": (
        lambda d: operation(d)["responses"].update({"202": {}}),
        "/responses/202: nobody expects it",
    ),
    "a header goes": (
        lambda d: operation(d)["responses"]["200"]["headers"].clear(),
        "/responses/200/headers/ETag: removed",
    ),
    "a kind of answer goes": (
        lambda d: operation(d)["responses"]["default"]["content"].clear(),
        "/responses/default/content/application~1problem+json: removed",
    ),
    "a field is no longer told": (lambda d: told(d)["properties"].pop("code"), f"{ANSWER}/properties/code: removed"),
    "a field is not always told": (
        lambda d: told(d)["required"].remove("state"),
        f"{ANSWER}/required: state is no longer always told",
    ),
    "a field may be null": (
        lambda d: told(d)["properties"]["parties"].update(type=["array", "null"]),
        f"{ANSWER}/properties/parties/type: null was never told before",
    ),
    "another alternative is told": (
        lambda d: told(d)["properties"]["code"]["anyOf"].append({"type": "integer"}),
        f"{ANSWER}/properties/code/type: integer was never told before",
    ),
    "another value is told": (
        lambda d: told(d)["properties"]["state"]["enum"].append("lost"),
        f'{ANSWER}/properties/state/enum: "lost" was never told before',
    ),
    "any value is told": (
        lambda d: told(d)["properties"]["state"].pop("enum"),
        f"{ANSWER}/properties/state/enum: any value was never told before",
    ),
    "what is in a list changes": (
        lambda d: told(d)["properties"]["parties"]["items"].pop("format"),
        f"{ANSWER}/properties/parties/items/format: what is told is no longer bound by format",
    ),
    "a list may be empty": (
        lambda d: told(d)["properties"]["parties"].update(minItems=0),
        f"{ANSWER}/properties/parties/minItems: what is told is no longer bound by minItems",
    ),
}


@pytest.mark.parametrize(("change", "said"), BREAKS.values(), ids=BREAKS.keys())
def test_a_break_is_told_with_its_pointer(change: Change, said: str) -> None:
    document = make_document()
    change(document)
    (found,) = openapi_breaks(make_document(), document)
    assert found.endswith(said)


ALLOWED: dict[str, Change] = {
    "nothing": lambda d: None,
    "another path": lambda d: d["paths"].update({"/reuse/more": {"get": {"responses": {"200": {}}}}}),
    "another parameter": lambda d: operation(d)["parameters"].append({"in": "query", "name": "x", "schema": {}}),
    "a field that may be sent": lambda d: sent(d)["properties"].update(more={"type": "string"}),
    "a field that need not be sent": lambda d: sent(d)["required"].clear(),
    "a value more is taken": lambda d: sent(d)["properties"]["kind"]["enum"].append("post"),
    "a type more is taken": lambda d: sent(d)["properties"]["note"]["anyOf"].append({"type": "integer"}),
    "whatever is taken": lambda d: sent(d)["properties"].update(kind={}),
    "a longer text is taken": lambda d: sent(d)["properties"]["ref"].update(maxLength=99),
    "no pattern": lambda d: sent(d)["properties"]["ref"].pop("pattern"),
    "one alternative spelt out": lambda d: sent(d)["properties"].update(note={"type": ["string", "null"]}),
    "the body may stay away": lambda d: operation(d)["requestBody"].update(required=False),
    "another problem": lambda d: operation(d)["responses"].update({"409": {}}),
    "a field more is told": lambda d: told(d)["properties"].update(more={"type": "string"}),
    "a field more is always told": lambda d: told(d)["required"].append("code"),
    "a value less is told": lambda d: told(d)["properties"]["state"]["enum"].remove("draft"),
    "never null": lambda d: told(d)["properties"].update(code={"type": "string"}),
    "a list of two or more": lambda d: told(d)["properties"]["parties"].update(minItems=2, maxItems=9),
    "other words": lambda d: told(d).update(title="Another", description="Of the same."),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_breaks_nobody_passes(change: Change) -> None:
    document = make_document()
    change(document)
    assert list(openapi_breaks(make_document(), document)) == []


RELEASED_EVENT = Promises.now().events["reuse.released.v1"]


def data(event: dict[str, Any]) -> dict[str, Any]:
    return event["schema"]["properties"]["data"]


EVENT_BREAKS: dict[str, tuple[Change, str]] = {
    "a member goes": (lambda e: data(e)["properties"].pop("actor"), "/actor: removed"),
    "a member is not always there": (lambda e: data(e)["required"].remove("actor"), "actor is no longer always told"),
    "a member of another type": (
        lambda e: data(e)["properties"].update(sub={"type": "integer"}),
        "/sub/type: integer was never told before",
    ),
    "a member that may be null": (
        lambda e: data(e)["properties"]["sub"].update(type=["string", "null"]),
        "/sub/type: null was never told before",
    ),
    "open data": (lambda e: data(e).pop("additionalProperties"), "a closed object is open now"),
    "another key": (lambda e: e.update(key=["data.dossier_uid"]), "/key: another one than before"),
    "a signal now": (lambda e: e.update(numbered=False), "/numbered: another one than before"),
}


@pytest.mark.parametrize(("change", "said"), EVENT_BREAKS.values(), ids=EVENT_BREAKS.keys())
def test_an_event_of_the_same_version_loses_nothing(change: Change, said: str) -> None:
    event = deepcopy(RELEASED_EVENT)
    change(event)
    assert [each for each in event_breaks(RELEASED_EVENT, event) if said in each]


def test_an_event_of_the_same_version_may_say_more() -> None:
    event = deepcopy(RELEASED_EVENT)
    data(event)["properties"]["more"] = {"type": "string"}
    data(event)["required"].append("more")
    assert list(event_breaks(RELEASED_EVENT, event)) == []


def test_a_type_of_event_that_goes_is_a_break() -> None:
    old, new = Promises({}, {"reuse.released.v1": RELEASED_EVENT}), Promises({}, {})
    assert list(interface_breaks(old, new)) == ["events/reuse.released.v1: removed"]
    assert list(changed_events(old, new)) == []


def test_today_keeps_every_promise() -> None:
    assert Promises.released().interfaces
    assert main(["--check"]) == 0


def test_a_document_that_goes_is_a_break() -> None:
    old = Promises.released()
    new = Promises({name: each for name, each in old.interfaces.items() if name != "audit"}, old.events)
    assert list(interface_breaks(old, new)) == ["openapi/audit: removed"]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a folder of promises that today's contracts break: an interface had one more path."""
    Promises.released().write(tmp_path)
    (tmp_path / "VERSION").write_text("1.4\n")
    path = tmp_path / "interfaces" / "reuse.json"
    document = json.loads(path.read_text("utf-8"))
    document["paths"]["/reuse/gone"] = {"get": {"responses": {"200": {}}}}
    path.write_text(json.dumps(document))
    return tmp_path


def test_a_broken_interface_is_released_only_as_another_major_version(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check"], broken) == main([], broken) == 1
    assert "openapi/reuse/paths/~1reuse~1gone/get: removed" in capsys.readouterr().err
    assert (broken / "VERSION").read_text() == "1.4\n"
    assert main(["--major"], broken) == 0
    assert (broken / "VERSION").read_text() == "2.0\n"
    assert main(["--check"], broken) == 0


def test_a_changed_event_is_not_even_released_as_another_major_version(tmp_path: Path) -> None:
    old = deepcopy(Promises.released())
    data(dict(old.events["reuse.released.v1"]))["properties"]["shoe_size"] = {"type": "integer"}
    old.write(tmp_path)
    assert main(["--major"], tmp_path) == 1


def test_what_is_new_is_released_as_another_minor_version(tmp_path: Path) -> None:
    old = Promises.released()
    Promises({}, old.events).write(tmp_path)
    (tmp_path / "VERSION").write_text("1.4\n")
    assert main([], tmp_path) == 0
    assert (tmp_path / "VERSION").read_text() == "1.5\n"
    assert Promises.released(tmp_path) == Promises.now()
    assert main([], tmp_path) == 0
    assert (tmp_path / "VERSION").read_text() == "1.5\n"


def test_every_released_promise_lies_where_it_is_looked_for() -> None:
    assert (RELEASED / "VERSION").exists()
    assert main(["--misspelt"]) == 2
