"""Ports reserved for one process at a time, and waiting with a deadline."""

import socket
import subprocess
import sys
import time

import pytest

from contracts.settings import ROOT
from foundation.ports import HOST, free_ports, port_is_free, port_is_open
from foundation.waiting import NotReady, wait_until

ASKS_FOR_TWENTY = """
import time
time.monotonic_ns = lambda: 0
from foundation.ports import free_ports
print(*free_ports(20))
"""


def test_no_port_is_given_twice_even_to_processes_that_ask_at_the_same_moment(monkeypatch):
    monkeypatch.setattr(time, "monotonic_ns", lambda: 0)
    mine = [*free_ports(10), *free_ports(10)]
    other = subprocess.run(
        [sys.executable, "-c", ASKS_FOR_TWENTY], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    theirs = [int(port) for port in other.stdout.split()]
    assert len({*mine, *theirs}) == 40
    assert set(free_ports(20)) & set(theirs), "free again when that process has ended"


def test_a_reserved_port_can_be_listened_on():
    (port,) = free_ports(1)
    assert port_is_free(port)
    assert not port_is_open(port)
    with socket.create_server((HOST, port)):
        assert port_is_open(port)
        assert not port_is_free(port)


def test_waiting_ends_when_it_is_ready():
    answers = iter([False, True])
    wait_until(lambda: next(answers), 60, "it")
    assert next(answers, None) is None


def test_waiting_ends_at_the_deadline_and_when_what_is_awaited_has_ended():
    with pytest.raises(NotReady, match="it is not ready after 0 s"):
        wait_until(lambda: False, 0.0, "it")
    with pytest.raises(NotReady, match="it ended before it was ready"):
        wait_until(lambda: False, 60, "it", alive=lambda: False)
