"""The demo's story is a test: every outcome it tells must be the one it expects."""

import io

import pytest
from rich.console import Console

from infra.demo.acts import ACTS, Memory
from infra.demo.cast import Cast
from infra.demo.telling import Story
from infra.embedded.keyring import SERVICES

pytestmark = pytest.mark.stack


async def test_the_whole_story_goes_as_it_is_told(cast: Cast) -> None:
    """One online main job, one at the counter, reuse by a third agency, withdrawal, audit; R1-R16 as met."""
    told = io.StringIO()
    story, memory = Story(Console(file=told, width=120)), Memory()
    for act in ACTS:
        await act(story, cast, memory)
    assert story.differences == [], told.getvalue()


async def test_nothing_is_wrong_after_all_that(cast: Cast) -> None:
    """No alarm is open at any service: no gap, nothing parked, nothing forged, nothing missing in the log."""
    ports = cast.laptop.ports
    told = [(await cast.http.get(f"{ports.inside(name)}/health")).json() for name in SERVICES]
    assert [each["alarms"] for each in told] == [{}, {}, {}, {}]
