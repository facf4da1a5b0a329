"""What each register can tell of a person: attribute ids and value shapes are those of contracts/attributes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import JsonValue, TypeAdapter

from infra.simulators.personas import Home, Persona

_FILE = Path(__file__).with_name("registry.yaml")
_ENTRIES = TypeAdapter(dict[str, dict[str, dict[str, JsonValue]]])


class Registry(StrEnum):
    """A register, by its segment of the URL."""

    POPULATION = "population"
    CIVIL_STATUS = "civil-status"
    HEALTH_BIRTHS = "health-births"
    BUSINESS = "business"


OFFERED: Mapping[Registry, frozenset[str]] = {
    Registry.POPULATION: frozenset(
        {
            *("person.pin", "person.full_name", "person.birth_date", "person.sex", "person.nationality"),
            *("residence.permanent", "residence.current", "person.marital_status"),
            *("person.ethnicity", "person.religion", "person.blood_group"),
        }
    ),
    Registry.CIVIL_STATUS: frozenset({"marriage.record", "birth.certificate"}),
    Registry.HEALTH_BIRTHS: frozenset({"birth.notification"}),
    Registry.BUSINESS: frozenset({"business.registrations"}),
}


@dataclass(frozen=True)
class Person:
    """One person with what each register has on her."""

    name: str
    persona: Persona
    entries: Mapping[Registry, Mapping[str, JsonValue]]


def load_registers(people: Mapping[str, Persona], path: Path = _FILE) -> Mapping[str, Person]:
    """Return everybody by number; a register that names somebody unknown raises `KeyError`."""
    recorded = _ENTRIES.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    for lines in recorded.values():
        for name in lines:
            _ = people[name]
    known: dict[str, Person] = {}
    for name, persona in people.items():
        entries = _entries(name, persona, recorded)
        known[persona.pin] = Person(name, persona, entries)
        if persona.former_pin:
            known |= _under_both_numbers(name, persona, entries, persona.former_pin)
    return known


def _under_both_numbers(
    name: str, persona: Persona, entries: Mapping[Registry, Mapping[str, JsonValue]], former_pin: str
) -> Mapping[str, Person]:
    """Only the population register has moved her to her new number; what others recorded stays under the cancelled."""
    nothing: Mapping[str, JsonValue] = {}
    moved = {registry: told if registry is Registry.POPULATION else nothing for registry, told in entries.items()}
    left = {registry: nothing if registry is Registry.POPULATION else told for registry, told in entries.items()}
    return {persona.pin: Person(name, persona, moved), former_pin: Person(name, persona, left)}


def _entries(
    name: str, persona: Persona, recorded: Mapping[str, Mapping[str, Mapping[str, JsonValue]]]
) -> Mapping[Registry, Mapping[str, JsonValue]]:
    return {
        Registry.POPULATION: _population(persona),
        Registry.CIVIL_STATUS: recorded["civil_status"].get(name, {}),
        Registry.HEALTH_BIRTHS: recorded["health_births"].get(name, {}),
        # That nothing is registered in her name is what this register was asked, so it is an answer, not a gap.
        Registry.BUSINESS: recorded["business"].get(name, {"business.registrations": []}),
    }


def _population(persona: Persona) -> Mapping[str, JsonValue]:
    known: dict[str, JsonValue] = {
        "person.pin": persona.pin,
        "person.full_name": persona.full_name,
        "person.birth_date": persona.birth_date,
        "person.sex": persona.sex,
        "person.nationality": [persona.nationality],
        "person.ethnicity": persona.ethnicity,
        "person.religion": persona.religion,
        "person.marital_status": persona.marital_status,
        "residence.permanent": _address(persona.permanent),
        "residence.current": _address(persona.current or persona.permanent),
    }
    return {attribute: value for attribute, value in known.items() if value is not None}


def _address(home: Home) -> dict[str, JsonValue]:
    return {
        "formatted": home.formatted,
        "street_address": home.street,
        "commune_code": home.commune,
        "province_code": "31",
        "country": "VN",
    }
