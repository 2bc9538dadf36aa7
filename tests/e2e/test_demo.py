"""The whole demo as a newcomer runs it, on separate ports and in a separate folder: from its start to its stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from contracts.settings import ROOT, StackSettings, environment_name
from contracts.topics import RAW_JOB, WINDOW_JOB
from foundation.ports import free_ports, port_is_open
from foundation.waiting import wait_until
from scripts.stack.processes import PORT_FIELDS, port_of
from scripts.stack.supervision import SupervisorClient
from tests.testkit.flaky import assert_kept
from tests.testkit.processes import isolated_environment

ENDPOINTS = (
    "prix/{}/historique/?periode=1h",
    "prix/{}/temps_reel/",
    "marche/{}/",
    "sentiment/{}/historique/?periode=24h",
    "predictions/{}/",
    "articles/{}/",
    "impact/{}/",
)
NAMES = {"btc": "BTC", "bitcoin": "BTC", "XBT": "BTC", "eth": "ETH"}
UP_SECONDS = 420
DATA_SECONDS = 420
HEAL_SECONDS = 180


class Stack:
    """A demo, controlled by the same commands as in the Makefile."""

    def __init__(self, folder):
        kafka_port, *ports = free_ports(len(PORT_FIELDS) + 1)
        self.ports = dict(zip(PORT_FIELDS, ports, strict=True))
        changes = {environment_name(name): str(port) for name, port in self.ports.items()}
        changes |= {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka_port}", "CRYPTOVIZ_DATA_DIR": str(folder)}
        self.environment = isolated_environment(changes | {"DATABASE_URL": ""})
        self.config = StackSettings(
            _env_file=None, data_dir=folder, kafka_bootstrap_servers=changes["KAFKA_BOOTSTRAP_SERVERS"], **self.ports
        )
        self.supervisor = SupervisorClient(folder)

    def run(self, module, *arguments, seconds=120):
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def audit(self):
        """The audit, which waits for a job to catch up as long as the tests wait for a killed service."""
        return self.run("scripts.audit", "--settle", str(HEAL_SECONDS), seconds=HEAL_SECONDS + 120)

    def status(self):
        return json.loads(self.run("scripts.stack", "status", "--format", "json").stdout)

    def get(self, path):
        connection = HTTPConnection("127.0.0.1", self.config.api_port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def all_ports(self):
        return [port_of(self.config, "kafka_bootstrap_servers"), *self.ports.values()]


@pytest.fixture(scope="module")
def stack():
    folder = Path(tempfile.mkdtemp(prefix="cryptoviz-"))
    folder.chmod(0o755)  # PostgreSQL, as its own user, must be able to traverse it
    stack = Stack(folder)
    try:
        began = stack.run("scripts.stack", "demo", "--detach", seconds=UP_SECONDS)
        assert began.returncode == 0, began.stdout + began.stderr
        stack.introduction = began.stdout
        yield stack
    finally:
        stack.run("scripts.stack", "down", seconds=300)
        shutil.rmtree(folder)


def test_every_service_is_healthy(stack):
    said = stack.status()
    assert {part["part"]: part["state"] for part in said["parts"]} == dict.fromkeys(stack.supervisor.states(), "ok")
    assert said["healthy"] is True
    figures = {part["part"]: part["figures"] for part in said["parts"]}
    assert all("newest commit" in figures[job] for job in (RAW_JOB, WINDOW_JOB))
    assert len(said["parts"]) >= 8


def test_introduction_names_addresses_that_answer(stack):
    api = f"http://127.0.0.1:{stack.config.api_port}"
    paths = [word.strip("'").removeprefix(api) for line in stack.introduction.splitlines() for word in line.split()]
    named = [path for path in paths if path.startswith("/api/v1/p")]
    assert len(named) >= 3
    assert [stack.get(path)[0] for path in named] == [200] * len(named)
    assert stack.get("/")[0] == 200


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", NAMES)
def test_endpoint_answers_with_data(stack, endpoint, name):
    path = f"/api/v1/{endpoint.format(name)}"
    answers = []

    def has_data():
        answers.append(stack.get(path))
        return answers[-1][0] == 200 and json.loads(answers[-1][1])["count"] > 0

    wait_until(has_data, DATA_SECONDS, path)
    assert {status for status, _ in answers} == {200}
    said = json.loads(answers[-1][1])
    assert (said["crypto_symbol"], said["asset"]) == (name.upper(), NAMES[name])
    assert said["count"] == len(said["data"])


def test_binance_and_coingecko_are_there_as_soon_as_the_demo_is_up(stack):
    said = json.loads(stack.get("/api/v1/marche/btc/")[1])
    assert [(row["source"], row["pair"]) for row in said["data"]] == [("coingecko", "BTC/USD"), ("binance", "BTC/USDT")]


def test_audit_finds_nothing_lost_and_nothing_duplicated(stack):
    audit = stack.audit()
    assert_kept(audit)
    assert "lost 0, duplicated 0" in audit.stdout


def test_second_demo_is_rejected_and_changes_nothing(stack):
    before = {name: state["pid"] for name, state in stack.supervisor.states().items()}
    second = stack.run("scripts.stack", "demo", "--detach")
    assert second.returncode != 0
    assert "a stack runs already" in second.stderr
    assert {name: state["pid"] for name, state in stack.supervisor.states().items()} == before


@pytest.mark.parametrize("service", ["kraken_producer", "kafka", "kafka_to_timescale"])
def test_killed_service_is_restarted_and_nothing_is_lost(stack, service):
    first = stack.supervisor.states()[service]["pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: stack.supervisor.states()[service]["pid"] not in (0, first), HEAL_SECONDS, f"another {service}")
    wait_until(lambda: stack.status()["healthy"], HEAL_SECONDS, "the stack")
    audit = stack.audit()
    assert_kept(audit)


def test_down_leaves_no_process_and_no_port(stack):
    ours = stack.supervisor.own_processes()
    assert len(ours) >= 9
    down = stack.run("scripts.stack", "down", seconds=300)
    assert down.returncode == 0, down.stdout + down.stderr
    assert "left over" not in down.stdout, "every service stops in order when it is asked to"
    assert [process for process in ours if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert [port for port in stack.all_ports() if port_is_open(port)] == []
    assert stack.run("scripts.stack", "down").stdout.strip() == "the stack is not running"
    assert json.loads(stack.run("scripts.stack", "status", "--format", "json").stdout) == {"running": False}


def test_demo_in_a_terminal_continues_with_its_data_and_ctrl_c_stops_it(stack):
    demo = subprocess.Popen(
        [sys.executable, "-m", "scripts.stack", "demo"],
        cwd=ROOT,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + UP_SECONDS
        while time.monotonic() < deadline:
            line = demo.stdout.readline()
            assert line, "the demo ended on its own"
            if "all services are up" in line:
                break
        status, body = stack.get("/api/v1/prix/btc/historique/?periode=1h")
        assert (status, json.loads(body)["count"] > 1) == (200, True)
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=300)
    except (OSError, HTTPException):
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=300)
        raise
    assert demo.returncode == 0
    assert "stopping everything" in rest
    assert stack.supervisor.own_processes() == []
