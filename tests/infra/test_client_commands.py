"""The example client's command line: what it says when a step is missing, and what it remembers between two."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from infra.client.__main__ import cli
from infra.client.narration import readable
from infra.client.state import State
from infra.client.summary import show_events, show_plan


@pytest.fixture
def places(tmp_path: Path) -> list[str]:
    """Options under which the command line finds no key and remembers nothing."""
    return ["--keys", str(tmp_path / "keys"), "--state", str(tmp_path / "client")]


def test_a_client_without_a_key_is_told_so_in_a_sentence(places: list[str]) -> None:
    """The newcomer's first mistake: the gateway has not run yet, or the name is misspelt."""
    answer = CliRunner().invoke(cli, [*places, "plan"])
    assert answer.exit_code == 1
    assert "make run" in answer.output


def test_an_example_that_does_not_exist_is_refused_naming_those_that_do(places: list[str]) -> None:
    """Before anything is sent."""
    answer = CliRunner().invoke(cli, [*places, "dossier", "--example", "marriage"])
    assert answer.exit_code == 2
    assert "household-business" in answer.output


def test_a_file_that_is_no_json_is_refused(places: list[str], tmp_path: Path) -> None:
    """Before anything is sent, and without showing what it holds."""
    file = tmp_path / "card.json"
    file.write_text("pin: 001200000001", "utf-8")
    answer = CliRunner().invoke(cli, [*places, "check", str(file)])
    assert answer.exit_code == 2
    assert "not JSON" in answer.output
    assert "001200000001" not in answer.output


def test_a_party_may_be_named_by_our_own_word_or_by_its_uid() -> None:
    """Nobody types uids; what is no word of ours goes to the gateway as it is."""
    state = State(parties={"01a2-uid": "mother"})
    assert [state.party(named) for named in ("mother", "01a2-uid", "nobody")] == ["01a2-uid", "01a2-uid", "nobody"]


def test_authorization_details_in_a_form_are_shown_as_what_they_say() -> None:
    """They are the part of a request that a reader is here to learn."""
    form = b"resource=r&authorization_details=%5B%7B%22type%22%3A%22reuse_dossier%22%7D%5D&odd=%5B%7B"
    shown = readable(form, "application/x-www-form-urlencoded")
    assert shown == {"resource": "r", "authorization_details": [{"type": "reuse_dossier"}], "odd": "[{"}


def test_what_the_next_command_needs_is_shown_whole_on_a_narrow_terminal() -> None:
    """An id that is cut cannot be copied."""
    told = io.StringIO()
    console = Console(file=told, width=80)
    plan = {"component_id": "birth-notification", "party_uid": "p", "outcome": "login_again", "reason": "not_asked_for"}
    show_plan(console, {"components": [{**plan, "submit": False}]}, {"p": "mother"})
    event: dict[str, Any] = {"source": "reuse", "sequence": "0000000000000000014", "type": "reuse.released.v1"}
    event |= {"time": "2026-11-24T23:00:29.638201Z", "data": {"dossier_uid": "01a20fc9-db68-73f7-84db-13b111866b7c"}}
    show_events(console, {"events": [{"event": event}], "next_after": None})
    assert "…" not in told.getvalue()
    assert "01a20fc9-db68-73f7-84db-13b111866b7c" in told.getvalue()
    assert "reuse 14" in told.getvalue()
