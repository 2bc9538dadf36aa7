import json
import logging
import os
import signal
import subprocess
import sys
import threading
from urllib.request import urlopen

from contracts.settings import ROOT
from foundation.logs import JsonLines, PlainLines
from foundation.ports import HOST, free_ports
from foundation.process import Runtime, runtime_until_signal, serve_metrics


def test_a_signal_stops_the_runtime():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in before:
            runtime = runtime_until_signal()
            assert not runtime.wait(0.0)
            os.kill(os.getpid(), number)
            assert runtime.wait(60.0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_any_number_of_seconds_can_be_waited():
    waited = []
    assert not Runtime(pause=lambda seconds: bool(waited.append(seconds))).wait(1e300)
    assert waited == [threading.TIMEOUT_MAX]


def test_metrics_are_served():
    (port,) = free_ports(1)
    serve_metrics(port, HOST)
    with urlopen(f"http://{HOST}:{port}/metrics") as answer:
        assert b"python_info" in answer.read()


def test_a_service_logs_json_lines_serves_metrics_and_stops_on_sigterm():
    (port,) = free_ports(1)
    program = (
        "import logging, os, signal\n"
        "from foundation.process import start_service\n"
        f"runtime = start_service('poller', log_level='INFO', metrics_port={port}, metrics_host='{HOST}')\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "runtime.wait(60)\n"
        "logging.getLogger().info('stopped', extra={'pairs': 2})\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    line = json.loads(run.stderr)
    assert (run.returncode, line["service"], line["message"], line["pairs"]) == (0, "poller", "stopped", 2)


def record(**extra):
    made = logging.makeLogRecord({"name": "x", "levelname": "WARNING", "msg": "lost %s", "args": ("it",), **extra})
    made.created = 1_790_000_000.5
    return made


def test_a_record_is_one_json_object_with_its_extras():
    assert json.loads(JsonLines("api").format(record(pair="BTC/USD", at_offset=7))) == {
        "at": "2026-09-21T14:13:20.500+00:00",
        "level": "warning",
        "service": "api",
        "message": "lost it",
        "pair": "BTC/USD",
        "at_offset": 7,
    }


def test_a_record_in_a_terminal_is_plain_text():
    assert PlainLines().format(record(pair="BTC/USD")).partition(" ")[2] == "warning lost it pair=BTC/USD"
