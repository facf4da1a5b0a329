"""The doctor says one line for each thing that is wrong, names it, and says what to do."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.compose.doctor import examine
from infra.compose.facts import Container, Facts
from infra.compose.project import Project

GIB = 1 << 30


def make_facts(**changes: Any) -> Facts:
    sound = Facts(
        project=Project(),
        docker=True,
        engine="28.2.2",
        compose="2.40.3",
        clocks_apart=timedelta(0),
        engine_memory=16 * GIB,
        memory_available=8 * GIB,
        port_taken=False,
        containers=(),
        volumes=frozenset(),
    )
    return replace(sound, **changes)


def test_of_a_sound_stack_nothing_is_said() -> None:
    running = (Container("reuse", "running", "healthy", 0), Container("migrate", "exited", "", 0))
    kept = frozenset({"secrets-vault", "postgres", "kafka-1"})
    assert examine(make_facts(containers=running, volumes=kept)) == []


@pytest.mark.parametrize(
    ("changes", "what", "mend"),
    [
        ({"docker": False}, "not installed", "make demo"),
        ({"engine": None}, "does not answer", "DOCKER_HOST"),
        ({"engine": "19.03.15"}, "Docker 19.03.15 is too old", "20.10"),
        ({"compose": None}, "no compose plug-in", "docker-compose-plugin"),
        ({"compose": "v2.17.3"}, "Compose v2.17.3 is too old", "2.30"),
        ({"port_taken": True}, "Port 8443 is taken", "EDGE_PORT=8453"),
        ({"clocks_apart": timedelta(seconds=71)}, "71 s apart", "NTP"),
        ({"volumes": frozenset({"postgres"})}, "not its keys", "WIPE=1"),
        ({"volumes": frozenset({"secrets-vault", "kafka-1", "kafka-2"})}, "three brokers", "BROKERS=3"),
    ],
)
def test_what_stops_a_start_is_named_with_its_mending(changes: dict[str, Any], what: str, mend: str) -> None:
    [found] = examine(make_facts(**changes))
    assert what in found.what
    assert mend in found.mend
    assert found.stops


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"engine_memory": 2 * GIB}, "Docker may use 2.0 GiB"),
        ({"memory_available": 1 * GIB}, "Only 1.0 GiB of memory are free"),
        ({"containers": (Container("topics", "exited", "", 1),)}, "topics ended with 1"),
        ({"containers": (Container("reuse", "running", "unhealthy", 0),)}, "reuse is unhealthy"),
        ({"containers": (Container("audit", "restarting", "", 1),)}, "audit is restarting"),
    ],
)
def test_what_is_only_told_stops_nothing(changes: dict[str, Any], what: str) -> None:
    [found] = examine(make_facts(**changes))
    assert what in found.what
    assert not found.stops


def test_data_of_one_broker_are_not_taken_for_those_of_three() -> None:
    kept = frozenset({"secrets-vault", "kafka-1"})
    [found] = examine(make_facts(project=Project(brokers=3), volumes=kept))
    assert "one broker" in found.what


def test_a_version_that_its_builder_left_out_is_not_held_against_him() -> None:
    assert examine(make_facts(compose="dev")) == []
