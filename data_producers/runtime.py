"""Runs producers: a loop that reconnects, and jobs in threads until a stop is requested."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence

from contracts.rules import MAX_CLOCK_LEAD_SECONDS
from data_producers.telemetry import Telemetry
from foundation.process import Runtime
from foundation.retry import Backoff, Stopped

log = logging.getLogger(__name__)


class ConnectionLost(Exception):
    """A source is temporarily unavailable. `reason` is the metric's label, `str(error)` the detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RisingClock:
    """Epoch seconds at microsecond steps, each reading later than the one before.

    If the system clock is set back it continues from its last reading, unless that would lead the clock by more than
    `MAX_CLOCK_LEAD_SECONDS`: then it follows the clock.
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


STABLE_SECONDS = 10.0
"""How long a connection must last before the back-off starts over."""


def run_connected(source: str, run_once: Callable[[Callable[[], None]], None], runtime: Runtime) -> None:
    """Calls `run_once` until a stop is requested, with back-off after each `ConnectionLost`. Blocks.

    `run_once` receives a function to call as soon as the source sends data: from then on it counts as connected. The
    back-off starts over after a connection that lasted `STABLE_SECONDS`. One that is accepted and soon closed does not
    reset it. Any other error is raised at once.
    """
    backoff = Backoff(runtime.jitter)
    connected_at = math.inf

    def connected() -> None:
        nonlocal connected_at
        connected_at = min(connected_at, runtime.monotonic())
        Telemetry.connected.labels(source).set(1)

    while not runtime.stop.is_set():
        connected_at = math.inf
        try:
            run_once(connected)
        except Stopped:
            log.warning("stopped with a full queue", extra={"source": source})
        except ConnectionLost as lost:
            if runtime.monotonic() - connected_at >= STABLE_SECONDS:
                backoff.reset()
            pause = backoff.next_seconds()
            Telemetry.reconnects.labels(source, lost.reason).inc()
            log.warning(
                "connection lost",
                extra={"source": source, "reason": lost.reason, "detail": str(lost), "pause_seconds": round(pause, 2)},
            )
            Telemetry.connected.labels(source).set(0)
            runtime.wait(pause)
    Telemetry.connected.labels(source).set(0)


JOIN_SECONDS = 2.0
"""How long a graceful stop waits for each job to return."""


def run_together(jobs: Sequence[Callable[[], None]], runtime: Runtime) -> None:
    """Runs each job in its own daemon thread until a stop is requested. Blocks.

    The first job that fails stops all, and its error is raised here. A job that does not return within `JOIN_SECONDS`
    of the stop is abandoned.
    """
    errors: list[BaseException] = []

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except Stopped:
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
