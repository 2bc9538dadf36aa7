"""The producers' metrics, built once per process, and the port they are served on."""

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from contracts import metrics

# An acknowledgement takes milliseconds while all is well, and minutes while the broker is away.
ACK_BUCKETS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300)
# A gap is refilled within seconds; one that waits for a venue out of reach takes as long as that.
GAP_BUCKETS = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800)

FRAMES = metrics.FRAMES.of(Counter)
MALFORMED = metrics.MALFORMED.of(Counter)
PRODUCED = metrics.PRODUCED.of(Counter)
PRODUCE_FAILED = metrics.PRODUCE_FAILED.of(Counter)
ACK_SECONDS = metrics.ACK_SECONDS.of(lambda name, text, labels: Histogram(name, text, labels, buckets=ACK_BUCKETS))
NEWEST_EVENT = metrics.NEWEST_EVENT.of(Gauge)
CONNECTED = metrics.CONNECTED.of(Gauge)
RECONNECTS = metrics.RECONNECTS.of(Counter)
GAPS_DETECTED = metrics.GAPS_DETECTED.of(Counter)
GAPS_CLOSED = metrics.GAPS_CLOSED.of(Counter)
GAPS_OPEN = metrics.GAPS_OPEN.of(Gauge)
GAP_SECONDS = metrics.GAP_SECONDS.of(lambda name, text, labels: Histogram(name, text, labels, buckets=GAP_BUCKETS))
MISSING_TRADES = metrics.MISSING_TRADES.of(Gauge)
REFILLED = metrics.REFILLED.of(Counter)
RESUBSCRIBED = metrics.RESUBSCRIBED.of(Counter)
REFUSED = metrics.REFUSED.of(Gauge)
FEED_STATUS = metrics.FEED_STATUS.of(Counter)
FEED_REDIRECTS = metrics.FEED_REDIRECTS.of(Counter)
POLLS = metrics.POLLS.of(Counter)
POLL_FAILURES = metrics.POLL_FAILURES.of(Counter)
QUARANTINED = metrics.QUARANTINED.of(Counter)
REQUEST_WEIGHT = metrics.REQUEST_WEIGHT.of(Gauge)


def serve_metrics(host: str, port: int) -> None:
    """Serves this process's metrics in a background thread, for as long as the process lives."""
    start_http_server(port, addr=host)
