"""Checks a procedure's reuse map: conditions can be answered, sources can say what is asked, bases allow it."""

from collections.abc import Iterable, Iterator

from contracts.reference_data import Entries, ReferenceData, covers, unknown


def procedure_faults(procedure: Entries, data: ReferenceData) -> Iterator[str]:
    """Yield what a map says that nothing bears out."""
    if procedure["sector"] not in {agency["sector"] for agency in data.agencies.values()}:
        yield f"no agency of the sector {procedure['sector']}"
    for version in procedure["versions"]:
        yield from (f"version {version['version']}: {fault}" for fault in _version_faults(procedure, version, data))


def _version_faults(procedure: Entries, version: Entries, data: ReferenceData) -> Iterator[str]:
    ids = [component["id"] for component in version["components"]]
    yield from (f"two components {each}" for each in sorted({i for i in ids if ids.count(i) > 1}))
    yield from unknown(version["deny_attributes"], data.attributes)
    yield from _party_faults(version)
    for component in version["components"]:
        found = _component_faults(component, procedure, version, data)
        yield from (f"component {component['id']}: {fault}" for fault in found)
    if result := version.get("result"):
        yield from (f"result: {fault}" for fault in _result_faults(result, version, data))


def _party_faults(version: Entries) -> Iterator[str]:
    parties = version["parties"]
    sets = [*parties["combinations"], *parties.get("together", [])]
    yield from _no_role((role for roles in sets for role in roles), version)
    for role in parties["roles"]:
        if role["max"] < role["min"]:
            yield f"role {role['role']}: at most {role['max']}, but at least {role['min']}"


def _component_faults(component: Entries, procedure: Entries, version: Entries, data: ReferenceData) -> Iterator[str]:
    yield from _no_role(component["of"], version)
    yield from _condition_faults(component.get("when"), version)
    if not component["reusable"]:
        return
    yield from unknown(component["attributes"], data.attributes)
    yield from (f"{name} is denied" for name in component["attributes"] if name in version["deny_attributes"])
    yield from _source_faults(component, data)
    yield from _basis_faults(component, procedure, version, data)


def _condition_faults(condition: Entries | None, version: Entries) -> Iterator[str]:
    """Yield which facts, cases and roles a condition looks at that nobody declares at opening."""
    if condition is None:
        return
    if "fact" in condition:
        yield from _fact_faults(condition["fact"], condition["is"], version)
    if "case" in condition:
        yield from unknown(condition["case"], {case["id"]: case for case in version["cases"]})
    if "role" in condition:
        yield from _no_role([condition["role"], *condition["held_with"]], version)
    for part in [condition.get("not"), *condition.get("all", []), *condition.get("any", [])]:
        yield from _condition_faults(part, version)


def _fact_faults(fact_id: str, value: object, version: Entries) -> Iterator[str]:
    facts = {fact["id"]: fact for fact in version["facts"]}
    yield from unknown([fact_id], facts)
    if fact_id in facts and value not in facts[fact_id].get("values", [True, False]):
        yield f"{fact_id} is never {value}"


def _no_role(roles: Iterable[str], version: Entries) -> Iterator[str]:
    yield from unknown(roles, {role["role"]: role for role in version["parties"]["roles"]})


def _source_faults(component: Entries, data: ReferenceData) -> Iterator[str]:
    sources = {entry["source"] for entry in component["any_of"]}
    for name in component["attributes"]:
        said_by = data.attributes.get(name, {}).get("sources", {})
        if not any(grade >= component["min_value_grade"] for source, grade in said_by.items() if source in sources):
            yield f"none of its sources says {name} with grade {component['min_value_grade']}"
    for entry in component["any_of"]:
        yield from unknown(entry.get("match", []), data.attributes)


def _basis_faults(component: Entries, procedure: Entries, version: Entries, data: ReferenceData) -> Iterator[str]:
    (kind, name), *_ = component["basis"].items()
    ground = (data.rules if kind == "rule" else data.purposes).get(name)
    if ground is None:
        yield f"no {kind} {name}"
        return
    if ground.get("kind", "release") != "release":
        yield f"rule {name} is for keeping, not for releasing"
    yield from _not_allowed(component["attributes"], ground, version)
    for each in ground["versions"]:
        if kind == "rule" and procedure["code"] not in each["procedures"]:
            yield f"rule {name} does not name this procedure"
        if kind == "purpose" and each["scope"] != "release":
            yield f"purpose {name} is for keeping, not for releasing"


def _not_allowed(attributes: Iterable[str], ground: Entries, version: Entries) -> Iterator[str]:
    standing = [each for each in ground["versions"] if covers(each, version)]
    if not standing:
        yield f"no version of {ground['id']} is in force throughout"
    for each in standing:
        yield from (f"{ground['id']} does not allow {name}" for name in attributes if name not in each["attributes"])


def _result_faults(result: Entries, version: Entries, data: ReferenceData) -> Iterator[str]:
    yield from unknown([result["attribute"]], data.attributes)
    yield from _no_role([result["of"]], version)
    rule = data.rules.get(result["kept_under"])
    if rule is None or rule["kind"] != "legal_reuse":
        yield f"{result['kept_under']} is no rule for keeping"
    else:
        yield from _not_allowed([result["attribute"]], rule, version)
