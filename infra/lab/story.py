"""What the lab does with the compose file: the demo; two of each service, each restarted; a cluster, with Keycloak."""

import json
import subprocess
import sys
import time

from rich.console import Console

from infra.compose.project import Project
from infra.compose.telling import KEYS
from infra.embedded.environment import ROOT
from infra.embedded.keyring import SERVICES
from infra.embedded.processes import StackError
from infra.lab.commands import aloud, cache, quietly

_OURS, _MEGABYTES = "motlan/gateway:dev", 250
_TWO_OF_EACH = [word for name in SERVICES for word in ("--scale", f"{name}=2")]
_EDGE_TESTS = ("-m", "pytest", "-q", "tests/lab")
_MAKE = ("make", "--no-print-directory")
_CLUSTER = Project(brokers=3, profiles=("keycloak",))
_OF_CLUSTER = ("BROKERS=3", "PROFILES=keycloak")


def play(console: Console) -> None:
    """Play it on empty stacks, and take everything down. Raises StackError or CommandFailed where it breaks off."""
    project = Project()
    _wipe(project)  # what a killed lab left
    _act(console, "The demo on a stack of its own", *_MAKE, "demo", "STACK=compose")
    _check_size(console)
    try:
        _on_replicas(console, project)
        project = _CLUSTER
        _on_three_brokers(console)
    except BaseException:
        _tell_what_happened(console, project)
        raise
    finally:
        _wipe(project)


def _check_size(console: Console) -> None:
    size = int(quietly("docker", "image", "inspect", "--format={{.Size}}", _OURS)) / 1e6
    console.print(f"Our image has {size:.0f} MB.")
    if size > _MEGABYTES:
        raise StackError(f"{_OURS} has {size:.0f} MB; it is to have {_MEGABYTES} at most.")


def _on_replicas(console: Console, project: Project) -> None:
    _act(console, "Up", *_MAKE, "up")
    edge = f"EDGE_CA={KEYS / 'edge-ca.crt'}"
    _act(console, "The edge, asked by hand and by a browser", "env", edge, sys.executable, *_EDGE_TESTS)
    _wipe(project)  # the demo needs a stack on which nobody has answered anything
    _act(console, "Up again, empty", *_MAKE, "up")
    console.rule("Two replicas of each service", align="left")
    project.run("--progress=quiet", "up", "--wait", *_TWO_OF_EACH)
    running = _containers(project)
    console.print(f"{len(running)} containers run.")
    for service in sorted({each["Service"] for each in running}):
        _again(console, project, "restart", service, len(running))
    _act(console, "The demo on two replicas of each, all restarted", *_MAKE, "demo", "STACK=up")
    _act(console, "What the doctor finds after it", *_MAKE, "doctor")
    console.rule("What an operator types", align="left")
    project.run("exec", "-T", "reuse", "python", "-m", "services.reuse", "alarms")
    _follow_the_logs()
    _act(console, "Down, with all data", *_MAKE, "down", "WIPE=1")


def _on_three_brokers(console: Console) -> None:
    """Play the demo with people who log in at Keycloak, while one broker is dead; then that broker comes back."""
    _act(console, "Up, with three brokers, and Keycloak in VNeID's place", *_MAKE, "up", *_OF_CLUSTER)
    running = len(_containers(_CLUSTER))
    _CLUSTER.run("--progress=quiet", "kill", "kafka-2")
    _act(console, "The demo, one broker dead", *_MAKE, "demo", "STACK=up", *_OF_CLUSTER)
    _again(console, _CLUSTER, "start", "kafka-2", running)
    _act(console, "Down, with all data", *_MAKE, "down", "WIPE=1", *_OF_CLUSTER)


def _follow_the_logs() -> None:
    """Look for some seconds; whoever follows ends it by Ctrl-C. Raises StackError when two services did not tell."""
    following = ("timeout", "--signal=INT", "5", *_MAKE, "logs", "OF=reuse consent")
    told = subprocess.run(following, cwd=ROOT, text=True, capture_output=True, check=False).stdout
    if silent := [name for name in ("reuse", "consent") if f'"service":"{name}"' not in told]:
        raise StackError(f"`make logs` said nothing of {', '.join(silent)}:\n{told[-2000:]}")


def _again(console: Console, project: Project, command: str, service: str, running: int) -> None:
    """Start or restart one service's containers, and wait until everything is well, so many containers in all."""
    begun = time.monotonic()
    project.run("--progress=quiet", command, service)
    while ailing := _ailing(project, running):
        if time.monotonic() > begun + 240:
            raise StackError(f"240 s after `{command} {service}` this is not well: {', '.join(ailing)}")
        time.sleep(0.5)
    console.print(f"After `{command} {service}` all is well: {time.monotonic() - begun:.0f} s.")


def _ailing(project: Project, expected: int) -> list[str]:
    """Return which containers are not healthy, jobs that are done left out; a health check is asked of everything."""
    found = _containers(project)
    ill = [f"{each['Name']} ({each['State']}, {each['Health']})" for each in found if each["Health"] != "healthy"]
    return ill + ([f"{expected - len(found)} gone"] if len(found) < expected else [])


def _containers(project: Project) -> list[dict[str, str]]:
    return [json.loads(line) for line in project.read("ps", "--format=json").splitlines()]


def _tell_what_happened(console: Console, project: Project) -> None:
    project.run("ps", "--all")
    project.run("logs", "--tail=20", "--no-color")
    kept = cache() / "failed.log"
    kept.write_text(project.read("logs", "--no-color", "--timestamps"), "utf-8")
    console.print(f"Everything that the containers logged is in {kept}.", markup=False, soft_wrap=True)


def _wipe(project: Project) -> None:
    project.run("--progress=quiet", "--profile", "*", "down", "--volumes", "--remove-orphans")


def _act(console: Console, title: str, *argv: str) -> None:
    console.rule(title, align="left")
    begun = time.monotonic()
    aloud(*argv)
    console.print(f"{title}: done after {time.monotonic() - begun:.0f} s.")
