"""Retry with back-off: capped, jittered, exponential. The only policy of all components."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")

BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_CAP_SECONDS = 30.0


class Stopped(Exception):
    """The process was asked to stop while it waited or read. The work in progress was not completed."""


def backoff_seconds(attempt: int, jitter: float) -> float:
    """How long to wait before attempt number `attempt` (1 is the first retry): doubling, capped, jittered. Pure.

    `jitter` in [0, 1) is the caller's random number; the wait lies between half and all of the capped delay.
    """
    ceiling = min(BACKOFF_CAP_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** min(attempt - 1, 30))
    return float(ceiling * (0.5 + jitter / 2))


class Backoff:
    """The waits between consecutive failed attempts. Not thread-safe. `jitter` returns numbers in [0, 1)."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._failures = 0

    @property
    def failures(self) -> int:
        """The number of waits since the last reset."""
        return self._failures

    def next_seconds(self, at_least: float = 0.0) -> float:
        """Counts one more failure and returns the wait after it, no less than `at_least` (a server's Retry-After)."""
        self._failures += 1
        return max(backoff_seconds(self._failures, self._jitter()), at_least)

    def reset(self) -> None:
        """Starts over with the shortest wait. Call it after a success."""
        self._failures = 0


def sleep(seconds: float) -> bool:
    """Waits without a way to stop: the `wait` of commands that run until they are interrupted."""
    time.sleep(seconds)
    return False


OnRetry = Callable[[Exception, int, float], None]
"""Receives the error, the number of failures so far and the seconds until the next attempt. For logs and metrics."""


def retry(
    action: Callable[[], _T],
    transient: tuple[type[Exception], ...],
    *,
    wait: Callable[[float], object] = sleep,
    backoff: Backoff | None = None,
    on_retry: OnRetry | None = None,
) -> _T:
    """Returns what `action` returns; retries it after every error of the kinds `transient`, without limit.

    Blocks; `action` must be idempotent. `wait` waits that many seconds and returns true when a stop is requested
    (`threading.Event.wait`, `Runtime.wait`): then raises `Stopped` from the last error. Any other error is raised at
    once. `backoff` may be shared with the caller; it is reset after a success.
    """
    pauses = backoff or Backoff()
    while True:
        try:
            result = action()
        except transient as error:
            pause = pauses.next_seconds()
            if on_retry is not None:
                on_retry(error, pauses.failures, pause)
            if wait(pause):
                raise Stopped("asked to stop while waiting for the next attempt") from error
        else:
            pauses.reset()
            return result
