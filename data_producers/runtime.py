"""The loop every producer runs in: stop on a signal, a clock that can be replaced, back-off between attempts."""

import logging
import math
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from contracts.rules import MAX_CLOCK_LEAD_SECONDS
from data_producers.telemetry import CONNECTED, RECONNECTS
from foundation.retry import backoff_seconds

log = logging.getLogger(__name__)


class ConnectionLost(Exception):
    """A source is out of reach for now. `reason` is a word for the metric, `str()` of it the whole story."""

    def __init__(self, reason: str, story: str) -> None:
        super().__init__(story)
        self.reason = reason


class Stopping(Exception):
    """The process is to stop, and a sink that has no room left did not accept a message."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Time, chance and the wish to stop, handed to whatever needs them, so that a test can play all three."""

    stop: threading.Event = field(default_factory=threading.Event)
    now: Callable[[], float] = time.time
    """Epoch seconds."""
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    pause: Callable[[float], bool] | None = None
    """Waits that many seconds, less if the process is to stop; true if it is. None: on `stop` itself."""

    def wait(self, seconds: float) -> bool:
        """Waits; true when the process is to stop."""
        # A server may name any time to come back; none above this can be waited.
        return (self.pause or self.stop.wait)(min(seconds, threading.TIMEOUT_MAX))


class RisingClock:
    """Epoch seconds at microsecond steps, each reading later than the one before.

    Where the system clock is set back it goes on from its last reading, unless that would lead the clock by more than
    `MAX_CLOCK_LEAD_SECONDS`: then it follows.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._last_us = 0

    def __call__(self) -> float:
        now_us = int(self._now() * 1_000_000)
        lead_us = self._last_us + 1 - now_us
        if lead_us > MAX_CLOCK_LEAD_SECONDS * 1_000_000:
            log.warning("the clock was set back", extra={"seconds": round(lead_us / 1_000_000)})
            lead_us = 0
        self._last_us = now_us + max(lead_us, 0)
        return self._last_us / 1_000_000


def runtime_until_signal() -> Runtime:
    """A runtime that SIGTERM and SIGINT stop. Call it in the main thread."""
    runtime = Runtime()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runtime.stop.set())
    return runtime


PROVED_SECONDS = 10.0
"""How long a source must tell before the next loss counts as the first one."""


def run_connected(source: str, run_once: Callable[[Callable[[], None]], None], runtime: Runtime) -> None:
    """Runs `run_once` again and again until the process is to stop, backing off after each `ConnectionLost`.

    `run_once` is given a function to call once the source tells: from then on it counts as connected, and the waits
    start over when that has lasted `PROVED_SECONDS`. A connection that is accepted and soon dropped proves nothing, so
    they go on growing.
    """
    attempt = 0
    connected_at = math.inf

    def connected() -> None:
        nonlocal connected_at
        connected_at = min(connected_at, runtime.monotonic())
        CONNECTED.labels(source).set(1)

    while not runtime.stop.is_set():
        connected_at = math.inf
        try:
            run_once(connected)
        except Stopping:
            log.warning("stopped with a full queue", extra={"source": source})
        except ConnectionLost as lost:
            proved = runtime.monotonic() - connected_at >= PROVED_SECONDS
            attempt = 1 if proved else attempt + 1
            pause = backoff_seconds(attempt, runtime.jitter())
            RECONNECTS.labels(source, lost.reason).inc()
            log.warning(
                "connection lost",
                extra={"source": source, "reason": lost.reason, "why": str(lost), "pause_seconds": round(pause, 2)},
            )
            CONNECTED.labels(source).set(0)
            runtime.wait(pause)
    CONNECTED.labels(source).set(0)


JOIN_SECONDS = 2.0
"""How long an orderly stop waits for jobs that are in the middle of something."""


def run_together(jobs: Sequence[Callable[[], None]], runtime: Runtime) -> None:
    """Runs each job in a thread of its own until the process is to stop, so that none can delay another.

    The first job to fail stops all, and its error is raised here.
    """
    errors: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except Stopping:
            log.warning("stopped with a full queue")
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that waits
            errors.append(error)
            runtime.stop.set()

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    runtime.stop.wait()
    for thread in threads:
        thread.join(JOIN_SECONDS)
    if errors:
        raise errors[0]
