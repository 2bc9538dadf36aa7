"""TCP ports of this machine: which are free, which are open, and free ones reserved for this process."""

import atexit
import socket
import time
from contextlib import ExitStack

from foundation.waiting import NotReady

HOST = "127.0.0.1"

_held = ExitStack()
"""A UDP socket bound to each port that `free_ports` has returned: it does not block a TCP server, and reserves the port
from other processes until this one ends."""
atexit.register(_held.close)


def port_is_open(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections on `port`. Blocks up to a second."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def port_is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> tuple[int, ...]:
    """`count` different ports on which nothing listens now, and that no running process has reserved.

    They lie below the system's range of ephemeral ports, so that no outgoing connection takes one between this call and
    the server's start. Raises `NotReady` if there are not enough.
    """
    found: list[int] = []
    start = 20_000 + time.monotonic_ns() // 1_000 % 10_000
    for candidate in range(start, 32_000):
        if _reserve(candidate):
            found.append(candidate)
            if len(found) == count:
                return tuple(found)
    raise NotReady(f"no {count} free ports between {start} and 32000")


def _reserve(port: int) -> bool:
    """Reserves the port for this process unless it is in use or reserved; returns whether it did."""
    holder = socket.socket(type=socket.SOCK_DGRAM)
    try:
        holder.bind((HOST, port))
    except OSError:
        holder.close()
        return False
    if not port_is_free(port):
        holder.close()
        return False
    _held.enter_context(holder)
    return True
