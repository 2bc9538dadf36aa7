"""Prometheus's configuration, rules and dashboards: valid, and about metrics that exist."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from contracts.metrics import METRICS
from contracts.settings import ROOT, StackSettings
from scripts.stack.prometheus_config import EXPORTERS, METRICS_PORTS, compose_config, write_config

FOLDER = ROOT / "monitoring" / "prometheus"
DASHBOARDS = sorted((ROOT / "monitoring" / "grafana" / "dashboards").glob("*.json"))
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
ALERTS = [rule for group in RULES for rule in group["rules"]]
OF_PROMETHEUS = {"up"}

promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def known_names():
    names = set(OF_PROMETHEUS)
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        names |= {metric.name + suffix for suffix in suffixes}
    return names


def names_in(expression):
    """The metric names of a PromQL expression: words that are no function, keyword, label or string."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\[[^\]]*\]|\boffset\s+\w+", "", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare)
    return {word for word in words if word not in ("and", "or", "unless", "by", "on")}


def dashboard_expressions():
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.name}: {panel['title']}", target["expr"]


def test_names_in_finds_metrics_alone():
    found = names_in('sum by (le) (rate(a_total{x="b_total"}[5m])) / c and on (q) time() - max(d offset 5m) > 1')
    assert found == {"a_total", "c", "d"}


def test_every_metric_in_the_rules_exists():
    strangers = {rule["alert"]: names_in(rule["expr"]) - known_names() for rule in ALERTS}
    assert {alert: names for alert, names in strangers.items() if names} == {}


def test_every_metric_in_the_dashboards_exists():
    strangers = {where: names_in(expression) - known_names() for where, expression in dashboard_expressions()}
    assert len(strangers) >= 10
    assert {where: names for where, names in strangers.items() if names} == {}


def test_every_alert_has_what_a_person_on_call_needs():
    runbook = (ROOT / "doc" / "08-monitoring.md").read_text()
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"doc/08-monitoring.md#{rule['alert'].lower()}"
        assert f"### {rule['alert']}\n" in runbook


def test_every_alert_is_proved_silent_and_firing():
    cases = [
        case
        for test in yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    for rule in ALERTS:
        outcomes = {bool(case["exp_alerts"]) for case in cases if case["alertname"] == rule["alert"]}
        assert outcomes == {True, False}, rule["alert"]


def test_dashboards_have_fixed_names_and_a_choice_of_data_source():
    assert DASHBOARDS
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert board["uid"].startswith("cryptoviz-")
        assert [variable["type"] for variable in board["templating"]["list"]] == ["datasource"]
        for panel in board["panels"]:
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["description"]


def test_only_services_that_run_are_scraped(tmp_path):
    """A target that never answers would be reported as down without end."""
    config = StackSettings(_env_file=None, data_dir=tmp_path)
    jobs = yaml.safe_load(write_config(config, ["api", "kafka"]).read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["api", "prometheus"]
    composed = {job["job_name"]: job for job in yaml.safe_load(compose_config())["scrape_configs"]}
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    optional = {name for name, job in composed.items() if "dns_sd_configs" in job}
    assert optional == {name for name, service in services.items() if "profiles" in service}


def test_compose_configuration_is_the_generated_one():
    assert (FOLDER / "prometheus.yml").read_text() == compose_config()


def test_compose_scrapes_the_services_by_name():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(METRICS_PORTS) <= set(services)
    assert {address.partition(":")[0] for address in EXPORTERS.values()} <= set(services)


def run_promtool(*arguments):
    return subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)


@promtool
def test_rules_fire_and_stay_silent_as_declared():
    done = run_promtool("test", "rules", "rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_both_configurations_are_valid(tmp_path):
    written = write_config(StackSettings(_env_file=None, data_dir=tmp_path, api_metrics_port=12345), METRICS_PORTS)
    assert "127.0.0.1:12345" in written.read_text()
    for path in (written, FOLDER / "prometheus.yml"):
        done = run_promtool("check", "config", str(path))
        assert done.returncode == 0, done.stdout + done.stderr
