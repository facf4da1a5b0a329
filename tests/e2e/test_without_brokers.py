"""What is told by events is known later; what somebody waits for goes on without them, from login to release."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.demo.acts import Memory, at_the_counter, birth_online, father_answers_himself, verdict_and_certificate
from infra.demo.cast import cast_of
from infra.demo.telling import Story
from infra.embedded.environment import Ports
from infra.embedded.laptop import laptop
from infra.embedded.processes import free_ports

pytestmark = pytest.mark.stack


async def test_a_birth_is_registered_online_and_at_the_counter_while_there_is_no_broker(tmp_path: Path) -> None:
    told = io.StringIO()
    story, memory = Story(Console(file=told, width=120)), Memory()
    ports = Ports(*free_ports(len(Ports.__dataclass_fields__)))
    async with laptop(tmp_path, ports) as running, cast_of(running) as cast:
        await running.stack.kafka.kill()
        for act in (birth_online, father_answers_himself, verdict_and_certificate, at_the_counter):
            await act(story, cast, memory)
    assert story.differences == [], told.getvalue()
