"""Settings as an operator gives them: text, in the environment."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.audit.settings import Settings as AuditSettings
from services.consent.settings import Settings as ConsentSettings
from services.identity.settings import Settings as IdentitySettings
from services.reuse.settings import Settings as ReuseSettings
from shared.settings import ServiceSettings
from tests.shared.credentials import make_values

EACH = [IdentitySettings, ConsentSettings, ReuseSettings, AuditSettings]


@pytest.mark.parametrize("settings", EACH, ids=["identity", "consent", "reuse", "audit"])
def test_whatever_has_a_default_can_be_given_as_text(settings: type[ServiceSettings], tmp_path: Path) -> None:
    given = {name: as_text(field.default) for name, field in settings.model_fields.items() if not field.is_required()}
    read = settings.from_environment(environment(settings, tmp_path, {n: v for n, v in given.items() if v}))
    assert {name: getattr(read, name) for name in given} == {
        name: settings.model_fields[name].default for name in given
    }


def test_several_are_given_as_a_json_array(tmp_path: Path) -> None:
    (tmp_path / "next.kek").write_bytes(bytes(32))
    several = {"pin_places": '["032", "097"]', "other_kek_files": json.dumps([str(tmp_path / "next.kek")])}
    read = IdentitySettings.from_environment(environment(IdentitySettings, tmp_path, several))
    assert read.pin_places == {"032", "097"}
    assert read.other_kek_files == (tmp_path / "next.kek",)


def environment(settings: type[ServiceSettings], folder: Path, given: dict[str, str]) -> dict[str, str]:
    """Write what is given, and something for everything else that has to be."""
    prefix = str(settings.model_config.get("env_prefix"))
    (folder / "file").write_text("x", "utf-8")
    values: dict[str, Any] = {
        name: folder / "file" if name.endswith("_file") else "https://elsewhere.example"
        for name, field in settings.model_fields.items()
        if field.is_required()
    }
    values |= make_values(folder, prefix.rstrip("_").lower()) | given
    return {f"{prefix}{name.upper()}": str(value) for name, value in values.items()}


def as_text(default: object) -> str:
    """Write a default as the environment would hold it; nothing for what is off by default."""
    if default is None:
        return ""
    return "[]" if default in ((), frozenset()) else str(default)
