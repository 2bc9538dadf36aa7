import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from contracts.settings import StackSettings
from foundation.ports import free_ports
from monitoring import health_check
from monitoring.health_check import (
    ALWAYS,
    CHECKS,
    check_service,
    check_services,
    expected_services,
    health_database_url,
    render_health,
)
from monitoring.judgement import ServiceHealth
from scripts.stack.processes import processes


@contextmanager
def serving(host):
    """A server on that address whose answers are set by path, and its port."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers.get(self.path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with HTTPServer((host, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield answers, server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def served():
    with serving("127.0.0.1") as server:
        yield server


def settings(**fields):
    return StackSettings(_env_file=None, **fields)


def test_every_process_has_a_check(tmp_path):
    table = processes(
        settings(data_dir=tmp_path, database_url="", notify_channels="log"), "simulator", with_prometheus=True
    )
    assert [process.name for process in table] == list(CHECKS)


def test_kafka_is_asked_with_its_security_settings(tmp_path):
    health = check_service("kafka", settings(kafka_security_protocol="SSL", kafka_ca_file=tmp_path / "missing.pem"))
    assert health.state == "down"
    assert "ssl.ca.location" in health.figures


def test_api_is_well_when_its_health_page_is(served):
    answers, port = served
    answers[health_check.API_HEALTH] = (200, "{}")
    assert check_service("api", settings(api_port=port)).state == "ok"
    answers[health_check.API_HEALTH] = (503, "{}")
    assert check_service("api", settings(api_port=port)).state == "late"


def test_simulator_is_well_once_its_market_moves(served):
    answers, port = served
    answers["/health"] = (200, "{}")
    answers["/metrics"] = (200, "")
    assert check_service("simulator", settings(simulator_port=port)).state == "late"
    answers["/metrics"] = (200, 'cryptoviz_simulator_events_total{kind="trade"} 12\n')
    assert check_service("simulator", settings(simulator_port=port)).figures == "12 events"


def test_prometheus_counts_its_targets(served):
    answers, port = served
    answers["/-/ready"] = (200, "")
    targets = {"data": {"activeTargets": [{"health": "up"}, {"health": "down"}]}}
    answers["/api/v1/targets?state=active"] = (200, json.dumps(targets))
    assert check_service("prometheus", settings(prometheus_port=port)).figures == "1 of 2 targets up"


def test_what_does_not_answer_is_down_and_named():
    (port,) = free_ports(1)
    found = check_services(
        settings(api_port=port, raw_metrics_port=port, database_url=f"postgresql://127.0.0.1:{port}/x"),
        ["postgres", "kafka_to_timescale", "api"],
    )
    assert [(health.service, health.state) for health in found] == [
        ("postgres", "down"),
        ("kafka_to_timescale", "down"),
        ("api", "down"),
    ]
    assert f"nothing answers on port {port}" in found[2].figures


def test_services_are_reached_at_the_configured_host():
    with serving("127.0.0.2") as (answers, port):
        answers[health_check.API_HEALTH] = (200, "{}")
        answers["/health"] = (200, "{}")
        answers["/metrics"] = (200, 'cryptoviz_simulator_events_total{kind="trade"} 12\n')
        ports = {"api_port": port, "simulator_port": port, "candle_audit_metrics_port": port}
        services = ["simulator", "api", "candle_audit"]
        found = check_services(settings(service_host="127.0.0.2", **ports), services)
        assert [health.state for health in found] == ["ok", "ok", "ok"]
        elsewhere = check_services(settings(**ports), services)
        assert [health.state for health in elsewhere] == ["down", "down", "down"]
        assert f"nothing answers on port {port} of 127.0.0.1" in elsewhere[0].figures


def test_the_host_of_a_container_is_its_services_name():
    config = settings(service_host="{service}")
    assert [config.host_of(service) for service in ("api", "candle_audit")] == ["api", "candle_audit"]


def test_the_database_is_reached_as_the_api_where_the_owners_login_is_not_known():
    known = "postgresql://someone:secret@postgres:5432/x"
    assert health_database_url(settings(database_url=known)) == known
    assert "cryptoviz_owner" in health_database_url(settings(database_url=""))
    container = settings(database_url="postgresql://postgres:5432/x", db_api_password="secret")
    assert health_database_url(container) == "postgresql://cryptoviz_api:secret@postgres:5432/x"


def test_port_that_serves_something_else_is_down(served):
    answers, port = served
    answers["/metrics"] = (200, "<html>")
    assert check_service("kafka_to_timescale", settings(raw_metrics_port=port)).state == "down"


def test_notifier_is_expected_only_with_a_channel():
    assert "notifier" not in expected_services(settings())
    assert "notifier" in expected_services(settings(notify_channels="log"))


def test_simulator_is_expected_only_where_the_exchange_is_simulated():
    assert expected_services(settings(kraken_ws_url="wss://ws.kraken.com/v2")) == ALWAYS
    assert "simulator" in expected_services(settings(kraken_ws_url="ws://127.0.0.1:8765/v2", simulator_port=8765))


FOUND = (ServiceHealth("kafka", "ok", "1 broker(s)"), ServiceHealth("api", "down", "no answer"))


def test_text_is_one_line_a_part():
    assert render_health(FOUND, "text") == "kafka  ok    1 broker(s)\napi    down  no answer"


def test_json_says_whether_all_are_well():
    said = json.loads(render_health(FOUND, "json"))
    assert said["healthy"] is False
    assert said["parts"][1] == {"part": "api", "state": "down", "figures": "no answer"}
    assert json.loads(render_health(FOUND[:1], "json"))["healthy"] is True
