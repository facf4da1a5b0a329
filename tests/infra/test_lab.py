"""The lab, without a Docker engine: which images it stands in for, and that it holds nothing of one machine."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.embedded.environment import ROOT
from infra.lab import programs
from infra.lab.machine import _pip_file, nothing_starts
from infra.lab.standins import STAND_INS, StandIn

LAB = ROOT / "infra" / "lab"

# They look in from outside, in profiles of their own: the system does not need them, and the lab does not start them.
EXCUSED_PROFILES = {"tools", "observability"}
OURS = "motlan/gateway:dev"
FILES = [path for path in LAB.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def compose_services() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]


def pinned_images() -> set[str]:
    """Return what would be pulled: by the compose file's services, and by our own image's recipe."""
    wanted = [each for each in compose_services().values() if not EXCUSED_PROFILES & set(each.get("profiles", ()))]
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    return {str(each["image"]) for each in wanted} - {OURS} | set(stages)


def test_every_image_that_is_pinned_has_a_stand_in_of_that_name_and_tag() -> None:
    assert set(STAND_INS) == pinned_images()


def test_nothing_that_the_core_depends_on_hides_in_an_excused_profile() -> None:
    services = compose_services()
    core = [name for name, each in services.items() if "profiles" not in each]
    assert {"identity", "consent", "reuse", "audit", "edge", "postgres", "kafka-1", "simulators"} <= set(core)


@pytest.mark.parametrize("stand_in", STAND_INS.values(), ids=[*STAND_INS])
def test_a_stand_in_has_a_recipe_on_our_base(stand_in: StandIn) -> None:
    recipe = LAB / "images" / stand_in.recipe / "Dockerfile"
    assert re.findall(r"^FROM (\S+)", recipe.read_text("utf-8"), re.MULTILINE) == ["motlan-lab/debian:bookworm"]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(LAB)) for path in FILES])
def test_no_address_of_a_package_registry_is_written_down(path: Path) -> None:
    assert not re.search(r"https?://", path.read_text("utf-8"))


def test_compose_calls_itself_by_the_version_that_its_module_requires() -> None:
    symbol, version = programs.COMPOSE.version.split("=")
    requirements = (LAB / programs.COMPOSE.name / "go.mod").read_text("utf-8").split("\n")
    module = next(line.split() for line in requirements if line.strip() and symbol.startswith(line.split()[0]))
    assert module[1] == version


def test_pips_settings_reach_the_images_whether_a_file_or_a_variable_says_them() -> None:
    listing = ":env:.cert='/etc/ssl/x.crt'\n:env:.find-links='/opt/wheels'\nglobal.index-url='proxy/simple?a=b'\n"
    assert _pip_file(listing) == "[global]\nindex-url = proxy/simple?a=b\ncert = /etc/ssl/x.crt\n"


def test_what_is_installed_starts_nothing_and_leaves_no_rule_behind(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with nothing_starts(policy):
        assert subprocess.run([policy, "docker", "start"], check=False).returncode == 101
    assert not policy.exists()


def test_a_machine_with_a_rule_of_its_own_keeps_it(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs", "utf-8")
    with nothing_starts(policy):
        pass
    assert policy.read_text("utf-8") == "theirs"
