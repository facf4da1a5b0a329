"""Each reader of the compose stack's secrets is given its own, made at the first start and kept from then on."""

import json
import stat
from itertools import combinations
from pathlib import Path

import pytest

from infra.compose.secrets import OtherStack, prepare
from infra.topics import SERVICES
from shared.keys import ServiceKey, Trust

ORIGINS = {
    "PUBLIC_ORIGIN": "https://motlan.localhost:8443",
    "SIMULATORS_ORIGIN": "https://simulators.localhost:8443",
    "KEYCLOAK_ORIGIN": "https://keycloak.localhost:8443",
}
PUBLIC = {"trust.json", "kafka-ca.crt", "edge-ca.crt", "ca.crt", "clients.yaml"}


def made(directory: Path, brokers: int = 1) -> dict[str, dict[str, bytes]]:
    directory.mkdir(exist_ok=True)
    prepare(directory, {**ORIGINS, "BROKERS": str(brokers)})
    readers = (each for each in directory.iterdir() if each.name != "vault")
    return {each.name: {file.name: file.read_bytes() for file in each.iterdir()} for each in readers}


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    assert made(tmp_path) == made(tmp_path)


def test_two_stacks_have_no_secret_in_common(tmp_path: Path) -> None:
    one, other = ({c for files in made(tmp_path / n).values() for c in files.values()} for n in ("one", "other"))
    assert not one & other


def test_services_share_no_secret(tmp_path: Path) -> None:
    files = made(tmp_path)
    for one, other in combinations(SERVICES, 2):
        secret = {content for name, content in files[one].items() if name not in PUBLIC}
        assert not secret & set(files[other].values())


def test_nobody_but_the_database_job_and_the_server_knows_the_superusers_password(tmp_path: Path) -> None:
    files = made(tmp_path)
    password = json.loads(files["databases"]["passwords.json"])["postgres"].encode()
    assert {reader for reader, own in files.items() if password in own.values()} == {"postgres"}
    assert len(password) == 64


def test_files_are_their_readers_alone(tmp_path: Path) -> None:
    made(tmp_path)
    for path in (*tmp_path.iterdir(), *tmp_path.glob("[!v]*/*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_services_know_each_others_public_keys(tmp_path: Path) -> None:
    made(tmp_path)
    for name in SERVICES:
        key = ServiceKey.load(tmp_path / name / f"{name}.pem")
        for other in SERVICES:
            [known] = Trust.load(tmp_path / other / "trust.json").key_set(name).keys
            assert known.thumbprint() == key.kid


def test_the_simulated_vneid_has_only_our_public_half(tmp_path: Path) -> None:
    files = made(tmp_path)
    assert b"PRIVATE" not in files["simulators"]["vneid-client.pem"]
    assert b"PRIVATE" in files["identity"]["vneid-client.pem"]


def test_people_get_no_key_of_a_service(tmp_path: Path) -> None:
    files = made(tmp_path)
    services = {c for name in SERVICES for file, c in files[name].items() if file not in PUBLIC}
    assert not services & set(files["people"].values())


def test_a_stack_of_one_broker_does_not_become_one_of_three(tmp_path: Path) -> None:
    made(tmp_path)
    with pytest.raises(OtherStack, match=r"of 1 broker\(s\), not 3"):
        made(tmp_path, brokers=3)


def test_three_brokers_hold_everything_three_times_and_two_must_have_it(tmp_path: Path) -> None:
    told = made(tmp_path, brokers=3)["kafka-2"]["server.properties"].decode().splitlines()
    assert {"node.id=2", "default.replication.factor=3", "min.insync.replicas=2"} <= set(told)
    assert "controller.quorum.voters=1@kafka-1:9093,2@kafka-2:9093,3@kafka-3:9093" in told
