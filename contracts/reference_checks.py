"""Checks that the reference data of `contracts/` agree with each other: whatever one file names, another defines."""

from collections.abc import Iterator
from itertools import pairwise

from contracts.files import ROOT, faults, read
from contracts.procedure_checks import procedure_faults
from contracts.reference_data import LISTS, VERSIONED, Entries, ReferenceData, covers, unknown
from shared import reference


def reference_faults() -> Iterator[str]:
    """Yield what is wrong: first what breaks its schema; only if nothing does, what contradicts something else."""
    if broken := list(_broken()):
        yield from broken
        return
    yield from contradictions(ReferenceData.load())


def contradictions(data: ReferenceData) -> Iterator[str]:
    """Yield what one entry says and another does not bear out."""
    yield from _place_faults(data)
    for rule in data.rules.values():
        yield from (f"rules/{rule['id']}: {fault}" for fault in _rule_faults(rule, data))
    for purpose in data.purposes.values():
        yield from (f"purposes/{purpose['id']}: {fault}" for fault in _purpose_faults(purpose, data))
    for procedure in data.procedures.values():
        yield from (f"procedures/{procedure['code']}: {fault}" for fault in procedure_faults(procedure, data))


def version_faults(content: Entries) -> Iterator[str]:
    """Yield what is wrong with the numbers and periods of one thing's versions."""
    versions = content["versions"]
    if [version["version"] for version in versions] != list(range(1, len(versions) + 1)):
        yield "its versions are not numbered 1, 2, 3 …"
    for earlier, later in pairwise(versions):
        if earlier["valid_until"] is None or later["valid_from"] < earlier["valid_until"]:
            yield f"version {later['version']} overlaps the one before"
    for version in versions:
        if version["valid_until"] is not None and version["valid_until"] <= version["valid_from"]:
            yield f"version {version['version']} ends before it begins"


def _broken() -> Iterator[str]:
    for folder in (*LISTS, *VERSIONED):
        for path in sorted((ROOT / folder).glob("*.yaml")):
            content = read(path)
            wrong = list(faults(content, f"{folder}/schema.json"))
            if folder in VERSIONED and not wrong:
                wrong = list(version_faults(content))
                wrong += [] if content[VERSIONED[folder]] == path.stem else ["is not named after what it is about"]
            yield from (f"{folder}/{path.name}: {fault}" for fault in wrong)


def _place_faults(data: ReferenceData) -> Iterator[str]:
    try:
        reference.load(ROOT)
    except reference.InvalidReference as error:
        yield f"agencies, units, attributes: {error}"
    for unit in data.units.values():
        parent = data.units.get(unit["parent_uid"] or unit["uid"])
        if parent is None or not covers(parent, unit):
            yield f"units: {unit['uid']} has no parent for all its time"
    claims = [attribute["oidc"]["claim"] for attribute in data.attributes.values()]
    yield from (
        f"attributes: two share the claim {claim}" for claim in sorted({c for c in claims if claims.count(c) > 1})
    )


def _rule_faults(rule: Entries, data: ReferenceData) -> Iterator[str]:
    for version in rule["versions"]:
        yield from unknown(version["attributes"], data.attributes)
        if rule["kind"] == "release":
            yield from unknown(version["procedures"], data.procedures)
        # What a rule lets be kept may serve procedures that have no map here yet.


def _purpose_faults(purpose: Entries, data: ReferenceData) -> Iterator[str]:
    for version in purpose["versions"]:
        yield from unknown(version["attributes"], data.attributes)
        for name in version["attributes"]:
            sensitive = data.attributes.get(name, {}).get("data_class") == "sensitive"
            if sensitive and version["scope"] == "retention":
                yield f"{name} is sensitive, so it is not kept for a next procedure"
