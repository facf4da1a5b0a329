"""Reads the reference data of `contracts/`: who acts in law, where, and what can be known of a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import yaml
from pydantic import Field, TypeAdapter

from shared.errors import Invalid
from shared.languages import Words
from shared.vietnam import day_in_vietnam


class InvalidReference(Exception):
    """The reference data contradict themselves; the message says where. A service does not start with them."""


class UnknownReference(Invalid):
    """There is no agency, unit or attribute of this name, or none at that time."""

    code = "unknown_reference"


@dataclass(frozen=True, slots=True)
class Succession:
    """Who follows: `transfer` says whether everything went over or a part."""

    uid: str
    transfer: str
    since: Annotated[date, Field(validation_alias="from")]
    legal_ref: str


@dataclass(frozen=True, slots=True)
class Agency:
    """Who acts in law, from the day it was founded to the day it is no more (half-open, days in Vietnam)."""

    uid: str
    code: str
    name: Words
    kind: str
    sector: str
    unit_uid: str
    valid_from: date
    valid_until: date | None
    legal_ref: str
    successors: tuple[Succession, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """An administrative unit; the same code may be another unit later, the uid never."""

    uid: str
    code: str
    level: str
    kind: str
    name: Words
    parent_uid: str | None
    valid_from: date
    valid_until: date | None
    legal_ref: str
    successors: tuple[Succession, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that can be known of a person. `sources` names who can say it, and how surely (L0-L4)."""

    id: str
    name: Words
    data_class: str
    precision: str
    value: Mapping[str, Any] = field(repr=False)  # JSON Schema of its values
    oidc: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, str] = field(repr=False)


class _Dated(Protocol):
    @property
    def uid(self) -> str: ...
    @property
    def valid_from(self) -> date: ...
    @property
    def valid_until(self) -> date | None: ...
    @property
    def successors(self) -> tuple[Succession, ...]: ...


T = TypeVar("T")
D = TypeVar("D", bound=_Dated)


@dataclass(frozen=True)
class Reference:
    """The reference data of one installation, by uid and id."""

    agencies: Mapping[str, Agency]
    units: Mapping[str, Unit]
    attributes: Mapping[str, Attribute]

    def agency(self, uid: str, at: datetime) -> Agency:
        """Return the agency if it exists at that instant; raises UnknownReference."""
        return _in_force(self.agencies, uid, at)

    def unit(self, uid: str, at: datetime) -> Unit:
        """Return the unit if it exists at that instant; raises UnknownReference."""
        return _in_force(self.units, uid, at)

    def attribute(self, attribute_id: str) -> Attribute:
        """Return an attribute; raises UnknownReference."""
        found = self.attributes.get(attribute_id)
        if found is None:
            raise UnknownReference("attribute")
        return found

    def succeeding(self, uid: str, at: datetime) -> tuple[Agency, ...]:
        """Return who acts at that instant in place of the agency: itself, its successors, or theirs."""
        agency = self.agencies.get(uid)
        if agency is None:
            raise UnknownReference("agency")
        if _is_in_force(agency, at):
            return (agency,)
        return tuple(heir for one in agency.successors for heir in self.succeeding(one.uid, at))


def load(contracts_dir: Path) -> Reference:
    """Read and check the reference data; raises InvalidReference."""
    reference = Reference(
        agencies=_by("uid", _read(contracts_dir, "agencies", TypeAdapter(list[Agency]))),
        units=_by("uid", _read(contracts_dir, "units", TypeAdapter(list[Unit]))),
        attributes=_by("id", _read(contracts_dir, "attributes", TypeAdapter(list[Attribute]))),
    )
    _check_dates(reference.agencies)
    _check_dates(reference.units)
    _check_agencies(reference)
    return reference


def _is_in_force(one: _Dated, at: datetime) -> bool:
    day = day_in_vietnam(at)
    return one.valid_from <= day and (one.valid_until is None or day < one.valid_until)


def _in_force(entries: Mapping[str, D], uid: str, at: datetime) -> D:
    found = entries.get(uid)
    if found is None or not _is_in_force(found, at):
        raise UnknownReference
    return found


def _read(contracts_dir: Path, folder: str, adapter: TypeAdapter[list[T]]) -> list[T]:
    found: list[T] = []
    for path in sorted((contracts_dir / folder).glob("*.yaml")):
        try:
            found += adapter.validate_python(yaml.safe_load(path.read_text("utf-8"))[folder])
        except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            raise InvalidReference(f"{path.name}: {error}") from error
    if not found:
        raise InvalidReference(f"no {folder} in {contracts_dir}")
    return found


def _by(key: str, entries: Sequence[T]) -> dict[str, T]:
    keyed = {str(getattr(entry, key)): entry for entry in entries}
    if len(keyed) != len(entries):
        raise InvalidReference(f"a {key} is given twice")
    return keyed


def _check_dates(entries: Mapping[str, _Dated]) -> None:
    for one in entries.values():
        if one.valid_until is not None and one.valid_until <= one.valid_from:
            raise InvalidReference(f"{one.uid}: ends before it begins")
        for heir in one.successors:
            if heir.uid not in entries or one.valid_until is None or heir.since < one.valid_until:
                raise InvalidReference(f"{one.uid}: {heir.uid} cannot succeed it")


def _check_agencies(reference: Reference) -> None:
    for agency in reference.agencies.values():
        if agency.unit_uid not in reference.units:
            raise InvalidReference(f"{agency.uid}: no unit {agency.unit_uid}")
        # Pairwise identifiers are per sector: a merged agency keeps its citizens.
        if any(reference.agencies[heir.uid].sector != agency.sector for heir in agency.successors):
            raise InvalidReference(f"{agency.uid}: a successor has another sector")
