"""What city systems may send wrongly, over every address of every service: refused by form, before anything is touched.

There is no database behind these applications: whatever got as far as a use case would be a 500.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from services.consent.api import receipts
from shared import http
from shared.bodies import Body
from shared.tokens import Actor, AgencyRef, Caller, Mandate
from tests.shared.asking import asking

SERVICES = ("identity", "consent", "reuse", "audit")
UID = "01902c8e-3c5d-7000-8000-000000000000"
OAUTH = {"/identity/par", "/identity/token"}
OFFICER = Caller(
    client_id="justice-system", sub=None, subject_id=None, agency=AgencyRef("ag-000101", "Hồng An", "justice"),
    mandate=Mandate("m", "procedure", ("1.001193",), None), actor=Actor("officer", "off-7"), dossier_uid=None,
    party_uid=None, attributes=(), token_id="t", expires_at=datetime(2030, 1, 1, tzinfo=UTC), acr=None, auth_time=None,
)  # fmt: skip

BODIES: Mapping[str, Any] = {
    "open_dossier": {
        "client_ref": "ref-1", "procedure": "1.001193", "case": "c", "facts": {"parents_married": True},
        "channel": "online", "receiving": "ag-000101", "competent": "ag-000101", "supporting": "ag-000201",
        "parties": [{"ref": "child", "roles": ["child"], "represented_by": "mother"}], "parent_uid": UID,
    },
    "receive_dossier": {"official_code": "H24.15-261124-0001"},
    "close_dossier": {"outcome": "granted"},
    "collect_party": {"party_uid": UID},
    "release_party": {"party_uid": UID, "component_ids": ["mother-identity"]},
    "accept_component": {},
    "reject_component": {"reason": "record_ended"},
    "deposit_result": {"party_uid": UID, "result_type": "KQ.G15.000031", "value": {"certificate_no": "45/2026"}},
    "identify_party": {
        "dossier_uid": UID, "party_uid": UID, "method": "card_shown", "pin": "032194004217",
        "full_name": "Phạm Thu Hòa", "birth_date": "1994-03-12",
    },
    "decide_legal_basis": {
        "dossier_uid": UID, "party_uid": UID, "opted_out": ["person.pin"], "represented_by": UID,
    },
    "end_legal_basis": {"reason": "opened_by_mistake"},
}  # fmt: skip


class Address(NamedTuple):
    """One route of a service as a city system calls it."""

    service: str
    name: str
    method: str
    template: str
    reads: bool

    @property
    def path(self) -> str:
        """Fill the placeholders with what could be there."""
        return self.template.replace("{component_id}", "mother-identity").format_map(_Filled())


class _Filled(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return UID


async def _officer() -> Caller:
    return OFFICER


async def _no_database() -> None:
    """There is none."""


@cache
def _app(service: str) -> FastAPI:
    app: FastAPI = import_module(f"services.{service}.__main__").app_for_contract()
    app.dependency_overrides = dict.fromkeys((http.caller, http.presented, receipts.reader), _officer)
    app.dependency_overrides[http._db] = _no_database
    app.state.parts = app.state.service = None
    return app


def _addresses() -> list[Address]:
    return [
        Address(service, route.name or "", method, route.path or "", route.original_route.body_field is not None)
        for service in SERVICES
        for route in iter_route_contexts(_app(service).routes)
        if isinstance(route.original_route, APIRoute) and not getattr(route.original_route, "is_page", False)
        for method in route.methods or ()
        if not (route.path or "").startswith("/internal/")
    ]


ADDRESSES = _addresses()
READING = [each for each in ADDRESSES if each.reads]
every_address = pytest.mark.parametrize("at", ADDRESSES, ids=lambda at: f"{at.method} {at.template}")
every_body = pytest.mark.parametrize("at", READING, ids=lambda at: at.name)


@asynccontextmanager
async def calling(at: Address) -> AsyncGenerator[httpx2.AsyncClient]:
    """Call as an officer who was known before the form is looked at."""
    async with asking(_app(at.service)) as client:
        yield client


async def send(at: Address, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx2.Response:
    """Send a body as JSON, or what the headers say."""
    async with calling(at) as client:
        return await client.request(
            at.method, at.path, content=content, headers={"content-type": "application/json", **headers}
        )


def refused(answer: httpx2.Response, status: int, code: str) -> list[dict[str, str]]:
    """Check a refusal to be a whole problem of the client's; return where it points."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["code"], told["fault"], told["status"]) == (code, "client", status)
    assert isinstance(told["retryable"], bool)
    assert told["detail"].endswith(".")
    return told.get("errors", [])


def test_every_address_that_reads_a_body_has_a_good_one_here() -> None:
    assert {at.name for at in READING} == set(BODIES)


@every_body
async def test_a_good_body_is_not_refused_for_its_form(at: Address) -> None:
    answer = await send(at, json.dumps(BODIES[at.name]).encode())
    assert answer.json()["code"] in ("internal_error", "unknown_reference"), answer.text


MALFORMED = {
    "open": b"{", "trailing": b"{}x", "no utf-8": b'{"a":"\xff"}', "utf-16": '{"a":1}'.encode("utf-16"),
    "bom": b"\xef\xbb\xbf{}", "nan": b'{"a":NaN}', "infinity": b'{"a":-Infinity}', "overflow": b'{"a":1e400}',
    "inexact": b'{"a":9007199254740993}', "long number": b'{"a":' + b"9" * 5000 + b"}",
    "doubled": b'{"party_uid":"a","party_uid":"b"}', "doubled deep down": b'{"a":[{"b":1,"b":2}]}',
    "33 levels": b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "bomb": b"[" * 60_000, "brackets": b'{"a":' * 10_000,
    "single quotes": b"{'a':1}", "comment": b'{"a":1/*b*/}', "control character": b'{"a":"\n"}',
}  # fmt: skip


@every_body
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_no_i_json_is_malformed(at: Address, body: bytes) -> None:
    refused(await send(at, body), 400, "malformed_json")


@every_body
@pytest.mark.parametrize(
    "type_",
    ["text/plain", "application/xml", "text/json", "application/vnd.api+json", "", "application/x-www-form-urlencoded"],
)
async def test_a_body_of_another_type_is_not_guessed_at(at: Address, type_: str) -> None:
    answer = await send(at, json.dumps(BODIES[at.name]).encode(), **{"content-type": type_})
    refused(answer, 415, "unsupported_media_type")


@every_body
async def test_no_body_is_pointed_out(at: Address) -> None:
    answer = await send(at, b"")
    if at.name == "accept_component":  # nothing has to be said to accept
        assert answer.json()["code"] == "internal_error"
    else:
        assert refused(answer, 422, "invalid_request") == [{"in": "body", "pointer": "", "reason": "missing"}]


@every_body
@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7", b"true"])
async def test_a_body_that_is_no_object_is_refused(at: Address, body: bytes) -> None:
    if at.name == "accept_component" and body == b"null":
        return
    assert refused(await send(at, body), 422, "invalid_request")[0]["pointer"] == ""


@every_body
async def test_an_unknown_member_is_named(at: Address) -> None:
    answer = await send(at, json.dumps(BODIES[at.name] | {"colour": 1}).encode())
    assert refused(answer, 422, "invalid_request") == [
        {"in": "body", "pointer": "/colour", "reason": "extra_forbidden"}
    ]


MEMBERS = [(at, name) for at in READING for name in BODIES[at.name]]
every_member = pytest.mark.parametrize(("at", "name"), MEMBERS, ids=lambda each: getattr(each, "name", each))


@every_member
async def test_a_missing_member_is_named_unless_it_may_be_missing(at: Address, name: str) -> None:
    body = {key: value for key, value in BODIES[at.name].items() if key != name}
    answer = await send(at, json.dumps(body).encode())
    if name in _optional(at):
        assert answer.json()["code"] in ("internal_error", "unknown_reference")
    else:
        assert refused(answer, 422, "invalid_request") == [{"in": "body", "pointer": f"/{name}", "reason": "missing"}]


@every_member
@pytest.mark.parametrize("value", [7, 1.5, False, "", [[]], {"a": {}}, "\0", "x" * 5000], ids=repr)
async def test_a_member_of_another_type_or_length_is_pointed_at(at: Address, name: str, value: object) -> None:
    if name == "value":
        return  # any JSON: the vocabulary decides on its shape, see test_judging
    if (name, value) in (("facts", {"a": {}}), ("facts", ""), ("case", "")) and value == "":
        return
    answer = await send(at, json.dumps(BODIES[at.name] | {name: value}).encode())
    if name == "case" and value == "":
        return
    for error in refused(answer, 422, "invalid_request"):
        assert error["pointer"].startswith(f"/{name}")


@every_member
async def test_half_a_character_is_no_text(at: Address, name: str) -> None:
    broken = json.dumps(BODIES[at.name] | {name: "\ud800"}).encode()
    answer = await send(at, broken)
    assert refused(answer, 422, "invalid_request")[0]["pointer"].startswith(f"/{name}")


CODES: list[tuple[str, str, list[Any]]] = [
    ("open_dossier", "procedure", ["9.001193", "1.1193", "1.001193 ", "1.001193\n"]),
    ("open_dossier", "channel", ["phone", "ONLINE"]),
    ("open_dossier", "receiving", ["ag-1", "AG-000101", "ag-000101\n"]),
    ("open_dossier", "client_ref", ["032194004217", "a b", "../x", "x" * 65]),
    ("open_dossier", "parent_uid", ["1", f"{{{UID}}}x", UID[:-1]]),
    ("open_dossier", "parties", [[], [{}], [{"roles": []}], [{"roles": ["Child"]}], [{"roles": ["child"]}] * 21]),
    ("receive_dossier", "official_code", ["H24.15-261124", "h24-261124-0001", "H24.15-261124-0001\n"]),
    ("close_dossier", "outcome", ["Granted", "granted for Hòa", "032194004217", "a" * 61]),
    ("reject_component", "reason", ["she is Phạm Thu Hòa", "032194004217"]),
    ("identify_party", "pin", ["03219400421", "0321940042170", "03219400421a", "٠٣٢١٩٤٠٠٤٢١٧", "032194004217\n"]),
    ("identify_party", "birth_date", ["1994-3-12", "12/03/1994", "19940312", "1994-03-12T00:00:00Z"]),
    ("identify_party", "method", ["face_shown", "CARD_SHOWN"]),
    ("decide_legal_basis", "opted_out", [["PIN"], ["person"], ["person.pin"] * 101]),
    ("end_legal_basis", "reason", ["x", "Nhập nhầm hồ sơ", "see_032194004217"]),
    ("release_party", "component_ids", [[], ["a b"], ["x"] * 51]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "member", "values"), CODES, ids=lambda each: each if isinstance(each, str) else "")
async def test_a_code_that_is_none_is_pointed_at(name: str, member: str, values: list[Any]) -> None:
    at = next(each for each in READING if each.name == name)
    for value in values:
        answer = await send(at, json.dumps(BODIES[name] | {member: value}).encode())
        errors = refused(answer, 422, "invalid_request")
        assert all(error["pointer"].startswith(f"/{member}") for error in errors), (value, errors)
        assert len(str(value)) < 4 or str(value) not in answer.text


@every_address
async def test_a_parameter_nobody_knows_is_refused(at: Address) -> None:
    async with calling(at) as client:
        answer = await client.request(at.method, f"{at.path}?colour=032194004217", json=BODIES.get(at.name))
    if at.path in OAUTH:
        assert answer.json()["error"] == "invalid_request"
    else:
        assert {"in": "query", "pointer": "", "reason": "extra_forbidden"} in refused(answer, 422, "invalid_request")
    assert "032194004217" not in answer.text


@pytest.mark.parametrize("at", [at for at in ADDRESSES if "_uid}" in at.template or "_id}" in at.template],
                         ids=lambda at: at.name)  # fmt: skip
@pytest.mark.parametrize("bad", ["1", "x" * 300, "%00", "%FF", UID + "0", "032194004217"])
async def test_an_id_that_is_none_is_refused(at: Address, bad: str) -> None:
    async with calling(at) as client:
        answer = await client.request(at.method, at.path.replace(UID, bad, 1), json=BODIES.get(at.name))
    errors = refused(answer, 422, "invalid_request")
    assert [error["in"] for error in errors] == ["path"]
    assert bad not in answer.text or bad == "1"


@every_address
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_not_allowed(at: Address, method: str) -> None:
    async with calling(at) as client:
        answer = await client.request(method, at.path)
    assert answer.headers["allow"]
    if at.path in OAUTH:
        assert (answer.status_code, answer.json()["error"]) == (405, "invalid_request")
    else:
        refused(answer, 405, "method_not_allowed")


@every_address
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_announced_or_not(at: Address, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    type_ = "application/x-www-form-urlencoded" if at.path in OAUTH else "application/json"
    if not announced and not at.reads and at.path not in OAUTH:
        return  # nobody reads it
    answer = await send(at, b"x" * 70_000 if announced else pieces(), **{"content-type": type_})
    if at.path in OAUTH:
        assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
    else:
        refused(answer, 413, "body_too_large")


@every_address
async def test_a_header_bomb_is_refused(at: Address) -> None:
    answer = await send(at, b"{}", **{f"x-{n}": "1" for n in range(101)})
    if at.path in OAUTH:
        assert (answer.status_code, answer.json()["error"]) == (431, "invalid_request")
    else:
        refused(answer, 431, "headers_too_large")


def _optional(at: Address) -> set[str]:
    """Read from the contract what may be missing."""
    document = _app(at.service).openapi()
    schema = document["paths"][at.template]["post"]["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" not in schema:
        return set(BODIES[at.name])
    named = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return set(named["properties"]) - set(named.get("required", ()))


def test_all_bodies_are_strict() -> None:
    """Nothing is converted, nothing unknown is taken: whatever a route reads is a `Body`."""
    for service in SERVICES:
        for route in iter_route_contexts(_app(service).routes):
            field = getattr(route.original_route, "body_field", None)
            kind = getattr(getattr(field, "field_info", None), "annotation", None)
            if isinstance(kind, type) and not getattr(route.original_route, "is_page", False):
                assert issubclass(kind, Body), route.path
