"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable


class NotReady(RuntimeError):
    """Something did not become ready in time, or ended instead. `str(error)` says what."""


def wait_until(ready: Callable[[], bool], seconds: float, what: str, alive: Callable[[], bool] | None = None) -> None:
    """Returns once `ready()` is true; raises `NotReady` after `seconds`, or as soon as `alive()` is false.

    Blocks; calls both ten times a second. A call that blocks is not cut short.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if alive is not None and not alive():
            raise NotReady(f"{what} ended before it was ready")
        if time.monotonic() >= deadline:
            raise NotReady(f"{what} is not ready after {seconds:.0f} s")
        time.sleep(0.1)
