"""What an operator types beside what `make run` has started."""

from pathlib import Path

import pytest

from infra import operate
from infra.embedded.laptop import Laptop

pytestmark = pytest.mark.stack


async def test_a_services_command_runs_on_the_settings_it_was_started_with(
    system: Laptop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operate, "DATA", system.keyring.directory.parent)
    assert operate.main(["reuse", "outbox"]) == 0
    said = capfd.readouterr().out.splitlines()
    assert len(said) == 2
    assert said[0].startswith("newest\t")


async def test_who_asks_for_nothing_or_before_anything_runs_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(operate, "DATA", tmp_path)
    assert operate.main([]) == operate.main(["reuse"]) == operate.main(["reuse", "alarms"]) == 2
    said = capfd.readouterr().out
    assert said.count("usage: python -m infra.operate") == 2
    assert "`make run` first" in said
