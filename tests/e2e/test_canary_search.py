"""The search for canaries finds them in every spelling and encoding, and finds nothing in what is none."""

import base64
import json
import os
import re
import unicodedata
from collections.abc import Callable
from datetime import date
from urllib.parse import quote, urlencode

import pytest

from infra.simulators.personas import load_personas
from tests.e2e.canaries import Canary, Search, canaries_of, canaries_of_registers

NAME, PIN = "Đỗ Thị Kiều Oanh", "032187006421"
SEARCH = Search([Canary("planted.full_name", NAME), Canary("planted.pin", PIN)])
WAYS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: f"name={text};".encode(),
    "capital letters": lambda text: text.upper().encode(),
    "small letters": lambda text: text.lower().encode(),
    "marks apart": lambda text: unicodedata.normalize("NFD", text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, big end first": lambda text: b"\0" + text.encode("utf-16-be"),
    "an address": lambda text: ("https://x.invalid/?" + urlencode({"q": text})).encode(),
    "a path": lambda text: f"/people/{quote(text)}/x".encode(),
    "small percent": lambda text: re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), quote(text)).encode(),
    "JSON": lambda text: json.dumps({"a": text}).encode(),
    "JSON in JSON": lambda text: json.dumps({"a": json.dumps({"b": text})}).encode(),
    "hex of bytea": lambda text: ("\\x" + text.encode().hex()).encode(),
    "a token": lambda text: base64.urlsafe_b64encode(json.dumps({"n": text}, ensure_ascii=False).encode()),
    "a token, one on": lambda text: base64.urlsafe_b64encode(f"a{text}b".encode()),
    "a token, two on": lambda text: base64.b64encode(f"aa{text}".encode()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [NAME, PIN], ids=["name", "number"])
def test_a_canary_is_found_however_it_is_written(way: str, value: str) -> None:
    content = os.urandom(1000) + WAYS[way](value) + os.urandom(1000)
    assert {each.canary for each in SEARCH.find("p", "w", content)} >= {
        "planted.full_name" if value == NAME else "planted.pin"
    }


def test_a_name_without_its_marks_is_found() -> None:
    assert list(SEARCH.find("p", "w", b"DO THI KIEU OANH"))
    assert list(SEARCH.find("p", "w", b"do thi kieu oanh"))


@pytest.mark.parametrize("content", [b"", bytes(100_000), os.urandom(100_000), b"Do Thi Kieu Anh 032187006422"])
def test_what_is_no_canary_is_not_found(content: bytes) -> None:
    assert list(SEARCH.find("p", "w", content)) == []


def test_a_finding_does_not_repeat_the_value() -> None:
    (found, *_) = SEARCH.find("p", "w", f"{NAME} {PIN}".encode())
    assert NAME not in repr(found)
    assert PIN not in repr(found)


def test_everybodys_data_and_the_registers_are_canaries() -> None:
    people = load_personas()
    names = {canary.name for canary in canaries_of(people, date(2026, 11, 24))}
    assert {f"{name}.pin" for name in people} | {f"{name}.full_name" for name in people} <= names
    assert {"mother.birth_date", "mother.vneid_sub", "father.current", "reissued.former_pin"} <= names
    assert "newborn.birth_date" not in names
    registers = {canary.name for canary in canaries_of_registers()}
    assert {"mother.health_births.notification_no", "shop_owner.business.registration_no"} <= registers


def test_nothing_that_we_ship_to_every_reader_is_taken_for_a_person() -> None:
    """Else each page and each contract would be a leak."""
    search = Search([*canaries_of(load_personas(), date(2026, 11, 24)), *canaries_of_registers()])
    assert (
        list(search.find("p", "w", "Hệ thống đang bận. Ủy ban nhân dân phường Hồng An, thành phố Hải Phòng".encode()))
        == []
    )
