"""Retries of the jobs: logged and counted."""

import logging

from prometheus_client import Counter

from contracts import metrics
from foundation.retry import OnRetry

log = logging.getLogger(__name__)
_RETRIES = metrics.JOB_RETRIES.of(Counter)


def count_retries(query: str, edge: str) -> OnRetry:
    """The `on_retry` of `foundation.retry.retry` for a query that waits for `edge` (kafka, database)."""

    def report(error: Exception, failures: int, pause: float) -> None:
        _RETRIES.labels(query, edge).inc()
        reason = str(error).strip().split("\n")[0]
        log.warning("%s unavailable, retrying in %.1f s: %s", edge, pause, reason, extra={"attempt": failures})

    return report
