"""A stack is told by variables which profiles it has, of how many it is made, and where it is found."""

from io import StringIO

import pytest
from rich.console import Console

from infra.compose.project import Project, compose_command, project_of
from infra.compose.telling import tell


def test_without_a_word_it_is_one_broker_and_one_of_each_service_behind_port_8443() -> None:
    project = project_of({})
    assert (project.edge_port, project.brokers, project.replicas, project.profiles) == (8443, 1, 1, ())
    assert project.gateway == "https://motlan.localhost:8443"


@pytest.mark.parametrize("told", ["tools observability", "tools,observability", " tools, observability "])
def test_profiles_are_named_with_blanks_or_commas(told: str) -> None:
    assert project_of({"PROFILES": told}).profiles == ("tools", "observability")


def test_several_brokers_are_the_profile_that_has_them() -> None:
    assert Project(brokers=3, profiles=("tools",))._environment()["COMPOSE_PROFILES"] == "cluster,tools"


def test_keycloak_is_the_provider_where_it_runs_and_nowhere_else() -> None:
    told = Project(edge_port=9443, profiles=("keycloak",))._environment()
    assert told["VNEID_ISSUER"] == "https://keycloak.localhost:9443/realms/motlan"
    assert "VNEID_ISSUER" not in Project()._environment()


def test_where_people_look_follows_the_ports_that_were_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFANA_PORT", "3100")
    told = StringIO()
    tell(Console(file=told), Project(profiles=("observability", "tools"), settings={"KAFKA_UI_PORT": "9444"}))
    for place in ("http://localhost:3100", "http://localhost:16686", "http://localhost:9444"):
        assert place in told.getvalue()


def test_compose_may_be_called_by_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSE", "/opt/docker-compose --ansi never")
    assert compose_command() == ["/opt/docker-compose", "--ansi", "never"]
