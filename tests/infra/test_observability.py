"""Dashboards and alerts ask for what the code really measures, and every alert tells an operator what to do."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import yaml

from infra.compose.project import COLLECTOR, Project
from infra.embedded.environment import ROOT
from infra.topics import SERVICES
from shared.measures import MEASURES, Measure
from tests.infra.promql import named_in

HERE = ROOT / "infra/observability"
TOLD = (ROOT / "docs/operations/watch.md").read_text("utf-8")
ALERTS = [
    cast(dict[str, Any], rule)
    for group in yaml.safe_load((HERE / "alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARDS = [json.loads(path.read_text("utf-8")) for path in sorted((HERE / "grafana/dashboards").glob("*.json"))]
OF_EVERY_SERVICE = {"service_name", "service_instance_id"}
"""What Prometheus makes of the resource: `promote_resource_attributes`."""


def names_of(measure: Measure) -> set[str]:
    """Return a measure's names at Prometheus: dots to underscores, its unit, and what its kind adds."""
    name = measure.name.replace(".", "_") + ("_seconds" if measure.unit == "s" else "")
    match measure.kind:
        case "histogram":
            return {f"{name}_{part}" for part in ("bucket", "count", "sum")}
        case "counter":
            return {f"{name}_total"}
        case "gauge":
            return {name}


def labels_of(measure: Measure) -> set[str]:
    """Return a measure's labels at Prometheus."""
    extra = {"le"} if measure.kind == "histogram" else set[str]()
    return {label.replace(".", "_") for label in measure.labels} | OF_EVERY_SERVICE | extra


EMITTED = {name: labels_of(measure) for measure in MEASURES for name in names_of(measure)}


def panels() -> Iterator[tuple[str, str, str]]:
    """Yield each panel's title, query and legend."""
    for dashboard in DASHBOARDS:
        for variable in dashboard["templating"]["list"]:
            yield variable["name"], variable["query"]["query"], ""
        for panel in dashboard["panels"]:
            yield from ((panel["title"], each["expr"], each["legendFormat"]) for each in panel["targets"])


QUERIES = [(alert["alert"], alert["expr"]) for alert in ALERTS] + [(title, query) for title, query, _ in panels()]


@pytest.mark.parametrize(("where", "query"), QUERIES, ids=[f"{n} {where}" for n, (where, _) in enumerate(QUERIES)])
def test_a_query_names_only_what_the_code_measures(where: str, query: str) -> None:
    named = named_in(query)
    assert named.metrics, query
    assert named.metrics <= EMITTED.keys()
    assert all(named.labels <= EMITTED[metric] for metric in named.metrics)


def test_a_legend_names_only_labels_its_query_keeps() -> None:
    for title, query, legend in panels():
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= named_in(query).labels, title


def test_whatever_is_measured_can_be_seen() -> None:
    shown = {metric for _, query, _ in panels() for metric in named_in(query).metrics}
    assert not [measure.name for measure in MEASURES if not names_of(measure) & shown]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_holds_how_urgent_it_is_and_is_explained_to_operators(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= named_in(alert["expr"]).labels
    paragraph = re.search(rf"^\*\*{alert['alert']}\.\*\* .{{80,}}", TOLD, re.MULTILINE)
    assert paragraph


def test_operators_are_told_of_no_alert_that_nobody_raises() -> None:
    told = set(re.findall(r"^\*\*([A-Z]\w*[A-Z]\w*)\.\*\*", TOLD, re.MULTILINE))
    assert told == {alert["alert"] for alert in ALERTS}


def test_prometheus_and_grafana_are_given_the_files_that_there_are() -> None:
    prometheus = yaml.safe_load((HERE / "prometheus.yaml").read_text("utf-8"))
    assert [(HERE / name).is_file() for name in prometheus["rule_files"]] == [True]
    assert {name.replace(".", "_") for name in prometheus["otlp"]["promote_resource_attributes"]} == OF_EVERY_SERVICE
    sources = yaml.safe_load((HERE / "grafana/provisioning/datasources/motlan.yaml").read_text("utf-8"))
    known = {source["uid"] for source in sources["datasources"]}
    assert {panel["datasource"]["uid"] for dashboard in DASHBOARDS for panel in dashboard["panels"]} <= known


def test_the_profile_joins_services_collector_and_stores_under_the_names_its_files_say() -> None:
    parts = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    here = {name for name, part in parts.items() if "observability" in part.get("profiles", [])}
    collector = yaml.safe_load((HERE / "collector.yaml").read_text("utf-8"))
    grafana = yaml.safe_load((HERE / "grafana/provisioning/datasources/motlan.yaml").read_text("utf-8"))
    told = [each["endpoint"] for each in collector["exporters"].values()] + [s["url"] for s in grafana["datasources"]]
    assert {urlsplit(address).hostname for address in (COLLECTOR, *told)} <= here
    listening = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"]
    assert listening == f"0.0.0.0:{urlsplit(COLLECTOR).port}"
    for name in SERVICES:
        assert parts[name]["environment"][f"{name.upper()}_OTLP_ENDPOINT"] == "${OTLP_ENDPOINT:-}"


def test_only_with_the_profile_are_services_told_of_a_collector() -> None:
    assert "OTLP_ENDPOINT" not in set(Project(profiles=("tools",))._environment()) - set(os.environ)
    assert Project(profiles=("observability",))._environment()["OTLP_ENDPOINT"] == COLLECTOR


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ('sum by (a, b) (rate(m_total{c=~"x{y}|by (z)", d!="1"}[5m]))', {"m_total"}, {"a", "b", "c", "d"}),
        ("histogram_quantile(0.99, sum by (le) (rate(h_bucket[$__rate_interval]))) > 1e3", {"h_bucket"}, {"le"}),
        ("count by (s) (m offset 10m) unless count by (s) (n)", {"m", "n"}, {"s"}),
        ("label_values(m, s)", {"m"}, {"s"}),
    ],
)
def test_the_reader_of_queries_finds_what_they_name(expression: str, metrics: set[str], labels: set[str]) -> None:
    named = named_in(expression)
    assert (named.metrics, named.labels) == (metrics, labels)
