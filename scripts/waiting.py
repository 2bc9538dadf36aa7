"""Waiting with a deadline, and free ports: what everything that starts a server needs."""

import atexit
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

HOST = "127.0.0.1"

_held = ExitStack()
"""A bound UDP socket on each port that `free_ports` has given this process, in no TCP server's way: whoever has such a
port may not listen on it yet, and no other process is given it while this one lives."""
atexit.register(_held.close)


class NotReady(RuntimeError):
    """Something did not become ready in time, or ended instead. `str()` of it says what."""


def wait_until(ready: Callable[[], bool], seconds: float, what: str, alive: Callable[[], bool] | None = None) -> None:
    """Returns once `ready()` is true; raises `NotReady` after `seconds`, or as soon as `alive()` is false."""
    deadline = time.monotonic() + seconds
    while not ready():
        if alive is not None and not alive():
            raise NotReady(f"{what} ended before it was ready")
        if time.monotonic() >= deadline:
            raise NotReady(f"{what} is not ready after {seconds:.0f} s")
        time.sleep(0.1)


def port_is_open(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections on `port`."""
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
    """`count` different ports that nobody listens on right now, none of which a process that still runs was given.

    They lie below the range from which the system takes the ports of outgoing connections, so none is taken by chance
    between this call and the server's start.
    """
    found: list[int] = []
    start = 20_000 + time.monotonic_ns() // 1_000 % 10_000
    for candidate in range(start, 32_000):
        if _hold(candidate):
            found.append(candidate)
            if len(found) == count:
                return tuple(found)
    raise NotReady(f"no {count} free ports between {start} and 32000")


def _hold(port: int) -> bool:
    """Whether the port is free, and no process's that was given it; if so, it is this one's from now on."""
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
