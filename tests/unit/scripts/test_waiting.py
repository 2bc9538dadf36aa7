"""Ports that are given out: to one process at a time, however late it listens."""

import socket
import subprocess
import sys
import time

from contracts.settings import ROOT
from scripts.waiting import HOST, free_ports, port_is_open

ASKS_FOR_TWENTY = """
import time
time.monotonic_ns = lambda: 0
from scripts.waiting import free_ports
print(*free_ports(20))
"""


def test_no_port_is_given_twice_even_to_processes_that_ask_at_the_same_moment(monkeypatch):
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    mine = [*free_ports(10), *free_ports(10)]
    told = subprocess.run(
        [sys.executable, "-c", ASKS_FOR_TWENTY], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    theirs = [int(port) for port in told.stdout.split()]
    assert len({*mine, *theirs}) == 40
    assert set(free_ports(20)) & set(theirs), "free again when that process has ended"


def test_whoever_is_given_a_port_can_listen_on_it():
    (port,) = free_ports(1)
    with socket.create_server((HOST, port)):
        assert port_is_open(port)
