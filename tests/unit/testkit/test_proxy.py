"""The proxy forwards, cuts, refuses and stalls."""

import socket
import threading
import time

import pytest

from foundation.ports import HOST, free_ports
from foundation.waiting import wait_until
from tests.testkit.proxy import FaultProxy


@pytest.fixture
def wire():
    """A proxy in front of a server that echoes."""
    (port,) = free_ports(1)
    server = socket.create_server((HOST, 0))

    def echo(connection):
        with connection:
            try:
                while chunk := connection.recv(65_536):
                    connection.sendall(chunk)
            except ConnectionResetError:
                return

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with FaultProxy(port, server.getsockname()[1]) as proxy:
        yield proxy
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)


def connect(wire):
    connection = socket.create_connection((HOST, wire.port), timeout=10)
    connection.sendall(b"hello")
    assert connection.recv(100) == b"hello"
    return connection


def test_bytes_pass_in_both_directions_unchanged(wire):
    sent = bytes(range(256)) * 4_000
    with connect(wire) as connection:
        threading.Thread(target=connection.sendall, args=(sent,)).start()
        received = b""
        while len(received) < len(sent):
            received += connection.recv(65_536)
    assert received == sent


def test_end_of_one_side_reaches_the_other(wire):
    with connect(wire) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    wait_until(lambda: wire.connections == 0, 10, "the connection's end")


def test_cut_resets_every_connection_and_lets_new_ones_in(wire):
    with connect(wire) as one, connect(wire) as other:
        assert wire.cut() == 2
        for connection in (one, other):
            with pytest.raises(ConnectionResetError):
                connection.recv(100)
        connect(wire).close()


def test_stalled_connection_stays_open_and_loses_nothing(wire):
    with connect(wire) as old:
        wire.stall()
        old.sendall(b"later")
        new = socket.create_connection((HOST, wire.port), timeout=10)
        new.sendall(b"new")
        for connection in (old, new):
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(100)
            connection.settimeout(10)
        wire.resume()
        assert old.recv(100) == b"later"
        assert new.recv(100) == b"new"
        new.close()


def test_refused_connections_are_reset_until_accepted_again(wire):
    with connect(wire) as old:
        wire.refuse()
        with pytest.raises(ConnectionResetError):
            old.recv(100)
    # The reset may come before `create_connection` has returned.
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection((HOST, wire.port), timeout=10) as refused,
    ):
        refused.recv(100)
    before = time.time()
    wire.accept()
    assert wire.accepted_at == 0
    connect(wire).close()
    assert before <= wire.accepted_at <= time.time()


def test_unreachable_server_resets_the_connection(wire):
    wire.target_port = free_ports(1)[0]
    # The reset may come before `create_connection` has returned.
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection((HOST, wire.port), timeout=10) as connection,
    ):
        connection.recv(100)
