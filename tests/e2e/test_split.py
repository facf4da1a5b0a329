"""Each service as a process of its own (`SPLIT=1`) behaves as all four in one."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.demo.acts import Memory, birth_online, father_answers_himself, verdict_and_certificate
from infra.demo.cast import cast_of
from infra.demo.telling import Story
from infra.embedded.environment import Ports
from infra.embedded.laptop import laptop
from infra.embedded.processes import free_ports

pytestmark = pytest.mark.stack


async def test_a_birth_is_registered_across_processes(tmp_path: Path) -> None:
    told = io.StringIO()
    story, memory = Story(Console(file=told, width=120)), Memory()
    ports = Ports(*free_ports(len(Ports.__dataclass_fields__)))
    async with laptop(tmp_path, ports, split=True) as running, cast_of(running) as cast:
        for act in (birth_online, father_answers_himself, verdict_and_certificate):
            await act(story, cast, memory)
    assert story.differences == [], told.getvalue()
