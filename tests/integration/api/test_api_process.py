"""The API process: gunicorn, its workers, metrics, start and stop."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit, urlunsplit

import pytest

from contracts.settings import ROOT
from foundation.ports import free_ports, port_is_open
from foundation.waiting import wait_until
from tests.testkit.databases import own_database

PASSWORD = "for-this-test-alone"


def _command():
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(ROOT / "crypto_viz_backend/gunicorn.conf.py"),
        "crypto_viz.wsgi",
    ]


def _environment(tmp_path, **given):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "CRYPTOVIZ_DATA_DIR": str(tmp_path)}
    return {**environment, "HOME": str(tmp_path), **{name: str(value) for name, value in given.items()}}


def _fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _count(metrics, beginning):
    return sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(beginning))


@pytest.fixture
def api_login(database_url):
    """The URL of a database whose api role has a password."""
    from database.migrate import migrate

    migrate(database_url, {"api": PASSWORD})
    return database_url


@pytest.fixture
def start_api(tmp_path):
    """A function that starts the API and returns its process, its address and that of its metrics."""
    started = []

    def start(database):
        port, metrics_port = free_ports(2)
        environment = _environment(
            tmp_path,
            DATABASE_URL=database,
            CRYPTOVIZ_DB_API_PASSWORD=PASSWORD,
            CRYPTOVIZ_API_SECRET_KEY="for tests alone",
            CRYPTOVIZ_API_PORT=port,
            CRYPTOVIZ_API_METRICS_PORT=metrics_port,
            CRYPTOVIZ_API_WORKERS=2,
        )
        log = (tmp_path / "api.log").open("wb")
        process = subprocess.Popen(_command(), cwd=ROOT, env=environment, stdout=log, stderr=log)
        started.append((process, log))
        for place in (port, metrics_port):
            wait_until(lambda place=place: port_is_open(place), 60, "the API", lambda: process.poll() is None)
        return process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics"

    yield start
    for process, log in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        log.close()


def test_metrics_of_all_workers_are_combined_and_sigterm_stops_it(start_api, api_login, tmp_path):
    process, address, metrics = start_api(api_login)
    for _ in range(20):
        status, body = _fetch(f"{address}/api/v1/prix/btc/temps_reel/")
        assert (status, json.loads(body)["data"]) == (200, [])
    _, text = _fetch(metrics)
    assert _count(text, "cryptoviz_api_requests_total{") == 20
    assert _count(text, "cryptoviz_api_request_seconds_count{") == 20
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    lines = [json.loads(line) for line in (tmp_path / "api.log").read_text().splitlines()]
    assert {line["service"] for line in lines} == {"api"}


def test_it_starts_without_a_database_and_recovers(start_api, api_login):
    missing = urlunsplit(urlsplit(api_login)._replace(path="/not_there_yet"))
    _, address, _ = start_api(missing)
    status, body = _fetch(f"{address}/api/v1/health/")
    assert (status, json.loads(body)["database"]) == (503, "unreachable")
    with own_database(api_login, "not_there_yet"):
        assert _fetch(f"{address}/api/v1/health/")[0] == 503
        from database.migrate import migrate

        migrate(missing)
        assert _fetch(f"{address}/api/v1/health/")[0] == 200


def test_without_a_secret_key_it_exits_with_a_hint(tmp_path):
    port, metrics_port = free_ports(2)
    environment = _environment(tmp_path, CRYPTOVIZ_API_PORT=port, CRYPTOVIZ_API_METRICS_PORT=metrics_port)
    done = subprocess.run(_command(), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "CRYPTOVIZ_API_SECRET_KEY is empty; set it, or run: python -m scripts.secret_keys" in done.stderr
