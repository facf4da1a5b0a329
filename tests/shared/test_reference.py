"""Who acts in law is a question of the day, counted in Vietnam."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from shared import reference
from shared.reference import InvalidReference, UnknownReference

CONTRACTS = Path(__file__).parents[2] / "contracts"
REFERENCE = reference.load(CONTRACTS)
# The reform of 1 July 2025 began at midnight in Vietnam, which is 17:00 UTC of the day before.
LAST_SECOND = datetime(2025, 6, 30, 16, 59, 59, tzinfo=UTC)
FIRST_SECOND = datetime(2025, 6, 30, 17, 0, 0, tzinfo=UTC)


def test_an_agency_ends_and_its_successor_begins_at_midnight_in_vietnam() -> None:
    assert REFERENCE.agency("ag-000100", LAST_SECOND).name.vi == "Ủy ban nhân dân phường An Hồng"
    assert REFERENCE.agency("ag-000101", FIRST_SECOND).name.vi == "Ủy ban nhân dân phường Hồng An"
    with pytest.raises(UnknownReference):
        REFERENCE.agency("ag-000100", FIRST_SECOND)
    with pytest.raises(UnknownReference):
        REFERENCE.agency("ag-000101", LAST_SECOND)


def test_the_same_code_is_another_ward_after_the_reform() -> None:
    assert REFERENCE.unit("un-000100", LAST_SECOND).code == REFERENCE.unit("un-000101", FIRST_SECOND).code
    assert REFERENCE.unit("un-000100", LAST_SECOND).uid != REFERENCE.unit("un-000101", FIRST_SECOND).uid


def test_successors_keep_the_sector_and_so_their_citizens() -> None:
    (heir,) = REFERENCE.succeeding("ag-000100", FIRST_SECOND)
    assert heir.uid == "ag-000101"
    assert heir.sector == REFERENCE.agency("ag-000100", LAST_SECOND).sector
    assert [agency.uid for agency in REFERENCE.succeeding("ag-000100", LAST_SECOND)] == ["ag-000100"]


def test_an_attribute_says_who_can_say_it() -> None:
    assert REFERENCE.attribute("person.pin").sources["vneid"] == "L4"
    with pytest.raises(UnknownReference):
        REFERENCE.attribute("person.shoe_size")


def test_an_invented_agency_is_unknown() -> None:
    with pytest.raises(UnknownReference):
        REFERENCE.agency("ag-999999", FIRST_SECOND)
    with pytest.raises(UnknownReference):
        REFERENCE.succeeding("ag-999999", FIRST_SECOND)


def write(folder: Path, **changes: object) -> Path:
    """Write minimal reference data whose agency `ag-2` follows `ag-1`, with changes to `ag-1`."""
    dated: dict[str, object] = {
        "valid_from": "2025-01-01",
        "valid_until": None,
        "legal_ref": "x",
        "successors": [],
        "code": "1",
    }
    name: dict[str, object] = {"vi": "a", "en": "a"}
    agency: dict[str, object] = dated | {
        "uid": "ag-1",
        "name": name,
        "kind": "k",
        "sector": "justice",
        "unit_uid": "un-1",
    }
    heir: dict[str, object] = {"uid": "ag-2", "transfer": "full", "from": "2025-07-01", "legal_ref": "x"}
    agencies: list[dict[str, object]] = [
        agency | {"valid_until": "2025-07-01", "successors": [heir]} | changes,
        agency | {"uid": "ag-2"},
    ]
    unit: dict[str, object] = dated | {
        "uid": "un-1",
        "name": name,
        "level": "province",
        "kind": "city",
        "parent_uid": None,
    }
    nothing: dict[str, str] = {}
    attribute: dict[str, object] = {
        "id": "a.b",
        "name": name,
        "data_class": "basic",
        "precision": "exact",
        "value": nothing,
        "oidc": nothing,
    }
    for kind, rows in (("agencies", agencies), ("units", [unit]), ("attributes", [attribute | {"sources": nothing}])):
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / "x.yaml").write_text(yaml.safe_dump({kind: rows}))
    return folder


def test_minimal_reference_data_are_read(tmp_path: Path) -> None:
    assert set(reference.load(write(tmp_path)).agencies) == {"ag-1", "ag-2"}


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": "ag-2"},
        {"sector": "police"},
        {"unit_uid": "un-9"},
        {"valid_until": "2025-01-01"},
        {"valid_until": None},
        {"valid_until": "2025-12-31"},
        {"successors": [{"uid": "ag-9", "transfer": "full", "from": "2025-07-01", "legal_ref": "x"}]},
        {"valid_from": "soon"},
        {"name": "a"},
    ],
    ids=str,
)
def test_reference_data_that_contradict_themselves_stop_the_start(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidReference):
        reference.load(write(tmp_path, **changes))


def test_a_folder_without_data_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidReference):
        reference.load(tmp_path)


def test_an_agency_does_not_change() -> None:
    agency = REFERENCE.agency("ag-000101", FIRST_SECOND)
    assert replace(agency) == agency
    with pytest.raises(AttributeError):
        agency.code = "x"  # pyright: ignore[reportAttributeAccessIssue] - the point of this test
