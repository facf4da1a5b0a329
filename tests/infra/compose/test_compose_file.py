"""docker-compose.yml: exact images, no default secret, loopback only, bounded, healthy before anybody depends on it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from infra.compose.portions import portions
from infra.compose.rights import FOLLOWS, rights
from infra.topics import SERVICES, TOPICS
from services.audit.__main__ import SOURCES as AUDIT_SOURCES
from services.consent.consumer import SOURCES as CONSENT_SOURCES
from services.identity.consumer import SOURCES as IDENTITY_SOURCES
from services.reuse.consumer import SOURCES as REUSE_SOURCES
from shared.http import MAX_BODY
from tests.infra.compose.locked import make_vault

ROOT = Path(__file__).parent.parent.parent.parent
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
PARTS: dict[str, dict[str, Any]] = FILE["services"]
EDGE = (ROOT / "infra" / "compose" / "haproxy.cfg").read_text("utf-8")
JOBS = {"secrets", "migrate", "topics"}
CORE = [name for name, part in PARTS.items() if "profiles" not in part]
WRITES_ITS_IMAGE = {"kafka-1", "kafka-2", "kafka-3", "keycloak"}
"""Kafka's image writes its configuration beside its programs; the profiles' images are their makers' business."""

each_part = pytest.mark.parametrize("name", PARTS)


def megabytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([mg])", text).groups()  # pyright: ignore[reportOptionalMemberAccess] - must match
    return int(number) * {"m": 1, "g": 1024}[unit]


@each_part
def test_an_image_is_pinned_to_an_exact_version(name: str) -> None:
    image = str(PARTS[name]["image"])
    assert image == "motlan/gateway:dev" or re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?", image)


def test_the_image_recipe_starts_from_an_exact_version() -> None:
    starts = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    assert starts
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", each) for each in starts)


@each_part
def test_no_password_stands_in_the_file(name: str) -> None:
    told = cast(dict[str, str], PARTS[name].get("environment", {}))
    secret = [key for key in told if re.search(r"PASSWORD|SECRET|TOKEN|(^|_)KEY(_|$)", key)]
    assert not [key for key in secret if not key.endswith(("_FILE", "_DIR"))]


@each_part
def test_a_port_is_open_to_this_machine_only(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in PARTS[name].get("ports", []))


def test_only_the_edge_has_a_port_in_the_core() -> None:
    assert [name for name in CORE if PARTS[name].get("ports")] == ["edge"]


@each_part
def test_memory_is_bounded(name: str) -> None:
    assert megabytes(PARTS[name]["mem_limit"]) > 0


@each_part
def test_what_a_part_logs_is_bounded(name: str) -> None:
    logging = PARTS[name]["logging"]
    assert logging["driver"] == "json-file"
    assert logging["options"].keys() == {"max-size", "max-file"}


def test_the_core_fits_into_four_gigabytes() -> None:
    assert sum(megabytes(PARTS[name]["mem_limit"]) for name in CORE) <= 4096


@each_part
def test_a_part_has_no_right_it_does_not_need(name: str) -> None:
    assert PARTS[name]["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in PARTS[name]["security_opt"]
    assert not PARTS[name].get("privileged")


@pytest.mark.parametrize("name", [name for name in CORE if name not in WRITES_ITS_IMAGE])
def test_a_part_of_the_core_cannot_change_its_own_programs(name: str) -> None:
    assert PARTS[name]["read_only"] is True


@pytest.mark.parametrize("name", [name for name in PARTS if name not in JOBS and name not in SERVICES])
def test_what_runs_on_can_say_that_it_is_well(name: str) -> None:
    assert PARTS[name]["healthcheck"]["test"]


def test_our_image_can_say_that_it_is_well() -> None:
    assert re.search(r"^HEALTHCHECK .*\n?.*infra\.compose\.healthy", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    assert not [name for name in SERVICES if "healthcheck" in PARTS[name]]


@each_part
def test_nothing_starts_before_what_it_needs_is_done_or_well(name: str) -> None:
    for needed, how in cast(dict[str, dict[str, str]], PARTS[name].get("depends_on", {})).items():
        assert how["condition"] == ("service_completed_successfully" if needed in JOBS else "service_healthy")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_on_a_migrated_database_and_made_topics(name: str) -> None:
    assert {"migrate", "topics"} <= set(PARTS[name]["depends_on"])


@each_part
def test_there_may_be_several_of_everything_that_has_no_port(name: str) -> None:
    assert "container_name" not in PARTS[name]
    assert "hostname" not in PARTS[name]


@pytest.mark.parametrize("name", sorted({*PARTS} - {"edge", "secrets"}))
def test_no_network_of_the_data_leads_out_but_for_people(name: str) -> None:
    """Whoever sits on an internal network reaches nobody outside; `front` alone is none, for whatever has a port."""
    front = "front" in PARTS[name].get("networks", [])
    assert front == bool(PARTS[name].get("ports"))
    assert all(network == {"internal": True} for key, network in FILE["networks"].items() if key != "front")


def test_a_reader_mounts_its_own_secrets_and_nobody_elses(tmp_path: Path) -> None:
    everybodys = {*portions(make_vault(tmp_path), brokers=3)}
    for name, part in PARTS.items():
        mounted = {
            str(volume).split(":")[0].removeprefix("secrets-")
            for volume in part.get("volumes", [])
            if str(volume).startswith("secrets-")
        }
        own = {"migrate": {"databases"}, "kafka-ui": {"tools"}, "secrets": everybodys | {"vault"}}
        assert mounted <= own.get(name, {name}), name


@pytest.mark.parametrize("name", [name for name in PARTS if name != "secrets"])
def test_secrets_are_mounted_to_be_read(name: str) -> None:
    assert all(str(v).endswith(":ro") for v in PARTS[name].get("volumes", []) if str(v).startswith("secrets-"))


def test_the_files_that_settings_name_are_handed_out(tmp_path: Path) -> None:
    given = portions(make_vault(tmp_path), brokers=1)
    for name in (*SERVICES, "simulators"):
        told = cast(dict[str, str], PARTS[name]["environment"])
        named = {str(value).rpartition("/")[2] for value in told.values() if str(value).startswith("/run/secrets/")}
        assert named <= set(given[name].files), name


def test_each_topic_has_one_writer() -> None:
    writers = {
        topic: {right.who for right in rights() if (right.may, right.what) == ("write", topic)} for topic in TOPICS
    }
    assert writers == {topic: {topic.split(".")[0]} for topic in TOPICS}


def test_services_may_read_what_they_follow() -> None:
    sources = {
        "identity": IDENTITY_SOURCES, "consent": CONSENT_SOURCES, "reuse": REUSE_SOURCES, "audit": AUDIT_SOURCES,
    }  # fmt: skip
    assert {name: {*each} for name, each in FOLLOWS.items()} == {
        name: {*each, "audit"} for name, each in sources.items()
    }


def test_the_edge_passes_on_by_first_segment_and_knows_no_way_inside() -> None:
    named: dict[str, set[str]] = {}
    for name, flag, values in re.findall(r"^\s*acl (\w+) path(_beg)? (.+)$", EDGE, re.M):
        named.setdefault(name, set()).update(value + ("*" if flag else "") for value in values.split())
    well_known = "/.well-known/oauth-authorization-server/identity"
    assert named == {
        name: {f"/{name}", f"/{name}/*"} | ({well_known} if name == "identity" else set()) for name in SERVICES
    }
    assert set(re.findall(r"use_backend (.+)", EDGE)) == {
        *(f"{name} if motlan {name}" for name in SERVICES), "simulators if simulators", "keycloak if keycloak",
    }  # fmt: skip


def test_the_edge_refuses_a_body_that_no_service_takes() -> None:
    assert set(re.findall(r"req\.body_size gt (\d+)", EDGE)) == {str(MAX_BODY)}


def test_the_edge_is_told_its_limits_and_no_others() -> None:
    assert {*re.findall(r"\$\{(EDGE_\w+)\}", EDGE)} == {*PARTS["edge"]["environment"]}


def test_the_edge_writes_json_and_nothing_of_who_asked_or_for_what() -> None:
    lines = re.findall(r"^ +(?:error-)?log-format '(.+)'$", EDGE, re.MULTILINE)
    values = {"%[date,utime(%Y-%m-%dT%H:%M:%SZ)]": "", "%ST": "429", "%[var(txn.limit)]": "logins", "%b": "edge"}
    assert len(lines) == 2
    for line in lines:
        for each, value in values.items():
            line = line.replace(each, value, 1)
        assert "%" not in line
        assert json.loads(line).keys() == {"time", "level", "event", "service", "status", "limit", "backend"}


@pytest.mark.skipif(
    shutil.which("haproxy") is None, reason="no haproxy on this machine to read the file with; `make lab` runs it"
)
def test_haproxy_finds_nothing_to_say_of_its_file(tmp_path: Path) -> None:
    vouched = make_vault(tmp_path).edge_certificate()["edge.pem"]
    (tmp_path / "edge.pem").write_bytes(vouched)
    (tmp_path / "haproxy.cfg").write_text(EDGE.replace("/run/secrets", str(tmp_path)), "utf-8")
    told = cast(dict[str, str], PARTS["edge"]["environment"])
    defaults = {name: value.rpartition(":-")[2].rstrip("}") for name, value in told.items()}
    command = ["haproxy", "-c", "-q", "-f", str(tmp_path / "haproxy.cfg")]
    said = subprocess.run(command, env={**os.environ, **defaults}, text=True, capture_output=True, check=False)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
