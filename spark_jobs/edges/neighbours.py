"""Waiting for a neighbour that is away: retried for ever, capped and jittered, never given up."""

import logging
import random
import threading
from collections.abc import Callable
from typing import TypeVar

from prometheus_client import Counter

from contracts import metrics
from foundation.retry import backoff_seconds

log = logging.getLogger(__name__)
RETRIES = metrics.JOB_RETRIES.of(Counter)
T = TypeVar("T")


class Stopped(Exception):
    """The job was asked to stop while it waited for a neighbour. Nothing was done; nothing is lost."""


def retry(
    action: Callable[[], T], away: tuple[type[Exception], ...], query: str, edge: str, stop: threading.Event
) -> T:
    """What `action` returns, tried again after every error of the kinds `away`. Blocks; `action` must be repeat-safe.

    Raises `Stopped` when `stop` is set meanwhile, and any other error at once.
    """
    attempt = 0
    while True:
        try:
            return action()
        except away as error:
            attempt += 1
            wait = backoff_seconds(attempt, random.random())
            RETRIES.labels(query, edge).inc()
            reason = str(error).strip().split("\n")[0]
            log.warning("%s is away, trying again in %.1f s: %s", edge, wait, reason, extra={"attempt": attempt})
            if stop.wait(wait):
                raise Stopped(f"stopped while waiting for {edge}") from error
