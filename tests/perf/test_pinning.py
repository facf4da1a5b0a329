"""What is measured has a core to itself, wherever what measures it was sent to."""

import subprocess
import sys

import pytest

from tests.perf.pinning import cores

_PINNED = "from tests.perf.pinning import cores, pin; before = cores(); pin(before[1]); assert cores() == before"


@pytest.mark.skipif(len(set(cores())) == 1, reason="with one core there is nothing to keep apart")
def test_the_servers_core_stays_another_once_the_load_is_on_its_own() -> None:
    subprocess.run([sys.executable, "-c", _PINNED], check=True)
