"""Starts and stops a service: logging, signals, the metrics port, and time that tests can replace."""

import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import start_http_server

from foundation.logs import configure_logging


@dataclass(frozen=True, slots=True)
class Runtime:
    """Time, randomness and the request to stop, passed to whatever needs them, so that tests control all three."""

    stop: threading.Event = field(default_factory=threading.Event)
    now: Callable[[], float] = time.time
    """Epoch seconds."""
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    """Random numbers in [0, 1)."""
    pause: Callable[[float], bool] | None = None
    """Waits that many seconds, or until a stop is requested; true if it is. None: waits on `stop`."""

    def wait(self, seconds: float) -> bool:
        """Blocks for that long, or until a stop is requested; returns whether it is. Accepts any number of seconds."""
        return (self.pause or self.stop.wait)(min(seconds, threading.TIMEOUT_MAX))


def stop_on_signals(stop: threading.Event) -> None:
    """Sets `stop` on SIGTERM and SIGINT. Call it in the main thread; raises `ValueError` elsewhere."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def runtime_until_signal() -> Runtime:
    """A runtime that SIGTERM and SIGINT stop. Call it in the main thread."""
    runtime = Runtime()
    stop_on_signals(runtime.stop)
    return runtime


def serve_metrics(port: int, host: str) -> None:
    """Serves this process's Prometheus metrics from a daemon thread. Raises `OSError` if the port is taken."""
    start_http_server(port, addr=host)


def start_service(service: str, *, log_level: str, metrics_port: int, metrics_host: str) -> Runtime:
    """Does what every service does first: log as `service`, stop on signals, serve metrics. Main thread only, once.

    Returns the runtime that SIGTERM and SIGINT stop. Raises `OSError` if the metrics port is taken.
    """
    configure_logging(service, log_level)
    runtime = runtime_until_signal()
    serve_metrics(metrics_port, metrics_host)
    return runtime
