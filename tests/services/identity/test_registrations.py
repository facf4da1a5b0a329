"""The registration file: what it may say, and that a wrong one starts no service."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc.jwk import ECKey, OKPKey

from services.identity import registrations
from services.identity.registrations import InvalidRegistrations
from shared import reference
from tests.shared.credentials import encode

REFERENCE = reference.load(Path("contracts"))
_KEY = ECKey.generate_key("P-256", auto_kid=True)
_WEAK = {"kty": "RSA", "e": "AQAB", "n": encode(b"\xff" * 128)}


def make_client(**changes: Any) -> dict[str, Any]:
    """Make a client as the file states it."""
    return {
        "client_id": "justice-system",
        "name": "Hệ thống hộ tịch",
        "jwks": {"keys": [_KEY.as_dict(private=False)]},
        "redirect_uris": ["https://city.invalid/callback"],
        "mandates": [make_mandate()],
    } | changes


def make_mandate(**changes: Any) -> dict[str, Any]:
    """Make a mandate as the file states it."""
    return {
        "id": "m-1",
        "kind": "procedure",
        "agency_uid": "ag-000101",
        "procedures": ["1.001193"],
        "from": "2026-01-01",
        "until": "2027-01-01",
        "legal_ref": "Quyết định (dữ liệu mẫu)",
    } | changes


def load(folder: Path, *clients: dict[str, Any]) -> Any:
    """Write the file and read it."""
    path = folder / "clients.yaml"
    path.write_text(yaml.safe_dump({"clients": list(clients)}, allow_unicode=True), "utf-8")
    return registrations.load(path, REFERENCE)


def test_a_mandate_begins_and_ends_with_days_in_vietnam(tmp_path: Path) -> None:
    ((registration),) = load(tmp_path, make_client())
    (dated,) = registration.mandates
    first, last = datetime(2025, 12, 31, 17, tzinfo=UTC), datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert (dated.valid_from, dated.mandate.until) == (first, last)


def test_mandates_of_one_agency_may_follow_each_other(tmp_path: Path) -> None:
    following = make_mandate(id="m-2", **{"from": "2027-01-01", "until": None})
    ((registration),) = load(tmp_path, make_client(mandates=[make_mandate(), following]))
    assert len(registration.mandates) == 2


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"jwks": {"keys": []}}, id="no key"),
        pytest.param({"jwks": {"keys": [_KEY.as_dict(private=True)]}}, id="a private key"),
        pytest.param({"jwks": {"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}}, id="another curve"),
        pytest.param(
            {"jwks": {"keys": [OKPKey.generate_key("X25519").as_dict(private=False)]}}, id="a key that signs nothing"
        ),
        pytest.param({"jwks": {"keys": [_WEAK]}}, id="a weak key"),
        pytest.param({"redirect_uris": ["http://city.invalid/callback"]}, id="plain http"),
        pytest.param({"redirect_uris": ["https://city.invalid/callback#x"]}, id="a fragment"),
        pytest.param({"client_id": "Justice System"}, id="a name with a space"),
        pytest.param({"kind": "first_party"}, id="a stranger as first party"),
        pytest.param({"surprise": 1}, id="an unknown member"),
        pytest.param({"mandates": [make_mandate(agency_uid="ag-999999")]}, id="an unknown agency"),
        pytest.param({"mandates": [make_mandate(until="2025-12-31")]}, id="ends before it begins"),
        pytest.param({"mandates": [make_mandate(until="2026-01-01")]}, id="no time at all"),
        pytest.param({"mandates": [make_mandate(kind="first_party")]}, id="a kind only we have"),
        pytest.param({"mandates": [make_mandate(), make_mandate()]}, id="an id given twice"),
        pytest.param(
            {"mandates": [make_mandate(), make_mandate(id="m-2", **{"from": "2026-12-31"})]}, id="overlapping"
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Key size")  # joserfc says so, we refuse
def test_a_wrong_file_starts_no_service(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRegistrations):
        load(tmp_path, make_client(**change))


def test_a_client_given_twice_starts_no_service(tmp_path: Path) -> None:
    with pytest.raises(InvalidRegistrations):
        load(tmp_path, make_client(), make_client(mandates=[]))


def test_the_files_message_names_no_key_material(tmp_path: Path) -> None:
    private = _KEY.as_dict(private=True)
    with pytest.raises(InvalidRegistrations) as refused:
        load(tmp_path, make_client(jwks={"keys": [private]}))
    assert str(private["d"]) not in str(refused.value)
