"""The exporter parts what is public from the inside, and says readably what differs."""

from pathlib import Path
from typing import Any

import pytest

from contracts import export, openapi
from contracts.files import ROOT, Unreadable, read


def _whole() -> dict[str, Any]:
    def item(model: str) -> dict[str, Any]:
        return {"get": {"responses": {"200": {"schema": {"$ref": f"#/components/schemas/{model}"}}}}}

    return {
        "info": {"title": "x"},
        "paths": {"/consent/me": item("Mine"), "/internal/grants": item("Grant")},
        "components": {
            "schemas": {
                "Mine": {"properties": {"use": {"$ref": "#/components/schemas/Use"}}},
                "Use": {},
                "Grant": {"properties": {"use": {"$ref": "#/components/schemas/Use"}}},
            }
        },
    }


def test_inside_routes_and_their_models_are_not_in_the_public_document() -> None:
    documents = dict(openapi.split("consent", _whole()))
    assert list(documents["consent.json"]["paths"]) == ["/consent/me"]
    assert set(documents["consent.json"]["components"]["schemas"]) == {"Mine", "Use"}
    assert list(documents["consent.internal.json"]["paths"]) == ["/internal/grants"]
    assert set(documents["consent.internal.json"]["components"]["schemas"]) == {"Grant", "Use"}


def test_a_service_without_inside_routes_has_one_document() -> None:
    whole = _whole()
    del whole["paths"]["/internal/grants"]
    assert list(dict(openapi.split("consent", whole))) == ["consent.json"]


def test_a_difference_is_shown_as_lines_of_the_file() -> None:
    said = "\n".join(export.differences({ROOT / "openapi" / "nobody.json": "new\n"}))
    assert "contracts/openapi/nobody.json" in said
    assert "+new" in said


def test_what_is_equal_is_not_mentioned() -> None:
    path = ROOT / "asyncapi.yaml"
    assert not [each for each in export.differences({path: path.read_text("utf-8")}) if "asyncapi" in each]


def test_a_document_no_service_offers_is_an_error() -> None:
    gone = [path.name for path in openapi.FOLDER.glob("*.json")]
    said = list(export.differences({}))
    assert len(said) == len(gone)
    assert all("no service offers this any more" in each for each in said)


def test_a_misspelt_option_is_refused() -> None:
    assert export.main(["--chekc"]) == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.files.ROOT", tmp_path)
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: b: c")
    with pytest.raises(Unreadable, match=r"broken\.yaml"):
        read(broken)
