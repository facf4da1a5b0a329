"""Gathers what `make doctor` judges: what Docker says of itself, of this machine, and of what earlier stacks left."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import psutil

from infra.compose.project import Project, compose_command
from shared import clock


@dataclass(frozen=True)
class Container:
    """One container of the stack, as compose lists it."""

    service: str
    state: str
    health: str
    exit_code: int


@dataclass(frozen=True)
class Facts:
    """What was found; None or nothing where it could not be asked."""

    project: Project
    docker: bool
    engine: str | None
    compose: str | None
    clocks_apart: timedelta
    engine_memory: int
    memory_available: int
    port_taken: bool
    containers: tuple[Container, ...]
    volumes: frozenset[str]


def gather(project: Project) -> Facts:
    """Ask everybody, a few seconds altogether."""
    before = clock.now()
    info = _engine()
    after = clock.now()
    containers = _containers(project) if info else ()
    return Facts(
        project=project,
        docker=shutil.which("docker") is not None,
        engine=info.get("ServerVersion") or None,
        compose=_printed(*compose_command(), "version", "--short"),
        clocks_apart=_outside(_moment(info.get("SystemTime")), before, after),
        engine_memory=int(info.get("MemTotal") or 0),
        memory_available=psutil.virtual_memory().available,
        port_taken=_taken(project.edge_port)
        and not any(c.service == "edge" and c.state == "running" for c in containers),
        containers=containers,
        volumes=_volumes(project),
    )


def _engine() -> Mapping[str, Any]:
    told = _printed("docker", "info", "--format", "{{json .}}")
    return cast(Mapping[str, Any], json.loads(told)) if told else {}


def _containers(project: Project) -> tuple[Container, ...]:
    told = project.read("ps", "--all", "--format", "json")
    lines = (json.loads(line) for line in told.splitlines() if line.startswith("{"))
    return tuple(Container(one["Service"], one["State"], one["Health"], int(one["ExitCode"])) for one in lines)


def _volumes(project: Project) -> frozenset[str]:
    label = f"label=com.docker.compose.project={project.name}"
    told = _printed("docker", "volume", "ls", "--quiet", "--filter", label) or ""
    return frozenset(name.removeprefix(f"{project.name}_") for name in told.split())


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_ours(containers: Iterable[Container]) -> bool:
    return any(one.service == "edge" and one.state == "running" for one in containers)


def _outside(moment: datetime | None, before: datetime, after: datetime) -> timedelta:
    """Return by how much the engine's clock, read between two readings of ours, cannot be ours."""
    return timedelta(0) if moment is None else max(timedelta(0), before - moment, moment - after)


def _moment(text: object) -> datetime | None:
    """Read Docker's time, whose nine decimals are more than Python's parser takes."""
    if not isinstance(text, str):
        return None
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _printed(*argv: str) -> str | None:
    """Return what a command prints; None when there is none such, or it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
