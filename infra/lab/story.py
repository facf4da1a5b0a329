"""What the lab does with the compose file: up, the demo, two replicas of each service, a restart of each."""

import json
import time
from collections.abc import Mapping

from rich.console import Console

from infra.embedded.keyring import SERVICES
from infra.lab.commands import aloud, quietly

_COMPOSE = ("docker", "compose")


def play(console: Console, env: Mapping[str, str]) -> None:
    """Play it on an empty stack, and take everything down. Raises StackError where it breaks off."""
    _compose(env, "down", "--volumes", "--remove-orphans")  # what a killed lab left
    try:
        _act(console, "Up", env, "make", "--no-print-directory", "up")
        _demo(console, env)
        _replicas(console, env)
        _demo(console, env)
        for service in _running(env):
            _restart(console, env, service)
        _demo(console, env)
    except BaseException:
        console.print(_compose(env, "ps", "--all"), markup=False)
        console.print(_compose(env, "logs", "--tail=40", "--no-color"), markup=False)
        raise
    finally:
        _compose(env, "down", "--volumes", "--remove-orphans")


def _demo(console: Console, env: Mapping[str, str]) -> None:
    _act(console, "The demo through the edge", env, "make", "--no-print-directory", "demo", "STACK=compose")


def _replicas(console: Console, env: Mapping[str, str]) -> None:
    scale = [word for name in SERVICES for word in ("--scale", f"{name}=2")]
    _act(console, "Two replicas of each service", env, *_COMPOSE, "--progress=quiet", "up", "-d", "--wait", *scale)


def _restart(console: Console, env: Mapping[str, str], service: str) -> None:
    """Restart one, all its replicas at once, and wait until everything is well again, as it was."""
    begun = time.monotonic()
    _compose(env, "restart", service)
    _compose(env, "up", "-d", "--wait", "--no-recreate", *_as_many(env))
    console.print(f"Restarted {service}: all well after {time.monotonic() - begun:.0f} s.")


def _running(env: Mapping[str, str]) -> list[str]:
    """Return what runs on, jobs that are done left out."""
    return sorted({row["Service"] for row in _containers(env)})


def _as_many(env: Mapping[str, str]) -> list[str]:
    names = [row["Service"] for row in _containers(env)]
    return [word for name in SERVICES for word in ("--scale", f"{name}={names.count(name)}")]


def _containers(env: Mapping[str, str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in _compose(env, "ps", "--format=json").splitlines()]


def _compose(env: Mapping[str, str], *arguments: str) -> str:
    return quietly(*_COMPOSE, "--progress=quiet", *arguments, env=env)


def _act(console: Console, title: str, env: Mapping[str, str], *argv: str) -> None:
    console.rule(title, align="left")
    begun = time.monotonic()
    aloud(*argv, env=env)
    console.print(f"{title}: done after {time.monotonic() - begun:.0f} s.")
