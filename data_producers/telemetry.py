"""The producers' metrics, built once per process."""

from typing import final

from prometheus_client import Counter, Gauge, Histogram

from contracts import metrics

# An acknowledgement takes milliseconds while the broker is available, and minutes while it is not.
ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300)
# A gap is refilled within seconds, or as soon as its venue can be reached.
GAP_BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800)


@final
class Telemetry:
    """The producers' metrics. Names, help texts and labels come from `contracts.metrics`."""

    frames = metrics.FRAMES.of(Counter)
    malformed = metrics.MALFORMED.of(Counter)
    produced = metrics.PRODUCED.of(Counter)
    produce_failed = metrics.PRODUCE_FAILED.of(Counter)
    ack_seconds = metrics.ACK_SECONDS.of(lambda name, text, labels: Histogram(name, text, labels, buckets=ACK_BUCKETS))
    newest_event = metrics.NEWEST_EVENT.of(Gauge)
    connected = metrics.CONNECTED.of(Gauge)
    reconnects = metrics.RECONNECTS.of(Counter)
    gaps_detected = metrics.GAPS_DETECTED.of(Counter)
    gaps_closed = metrics.GAPS_CLOSED.of(Counter)
    gaps_open = metrics.GAPS_OPEN.of(Gauge)
    gap_seconds = metrics.GAP_SECONDS.of(lambda name, text, labels: Histogram(name, text, labels, buckets=GAP_BUCKETS))
    missing_trades = metrics.MISSING_TRADES.of(Gauge)
    refilled = metrics.REFILLED.of(Counter)
    resubscribed = metrics.RESUBSCRIBED.of(Counter)
    rejected = metrics.REFUSED.of(Gauge)
    feed_status = metrics.FEED_STATUS.of(Counter)
    feed_redirects = metrics.FEED_REDIRECTS.of(Counter)
    polls = metrics.POLLS.of(Counter)
    poll_failures = metrics.POLL_FAILURES.of(Counter)
    quarantined = metrics.QUARANTINED.of(Counter)
    request_weight = metrics.REQUEST_WEIGHT.of(Gauge)
