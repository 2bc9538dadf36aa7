"""All metrics: name, kind, help and labels. Each service builds the metrics it exports from these definitions."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal, TypeVar

MetricKind = Literal["counter", "gauge", "histogram"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` is the scraped name (counters end in `_total`)."""

    name: str
    kind: MetricKind
    help: str
    _: KW_ONLY
    labels: tuple[str, ...] = ()

    def of(self, factory: Callable[[str, str, Sequence[str]], _T]) -> _T:
        """The metric as a prometheus-client object: `METRIC.of(Counter)`. At most once per process and registry."""
        return factory(self.name, self.help, self.labels)


# producers
FRAMES = Metric(
    "cryptoviz_producer_frames_total", "counter", "Frames or documents received from a source", labels=("source",)
)
MALFORMED = Metric(
    "cryptoviz_producer_malformed_total",
    "counter",
    "Frames, feeds or items that could not be parsed",
    labels=("source",),
)
PRODUCED = Metric(
    "cryptoviz_producer_messages_total", "counter", "Messages acknowledged by the broker", labels=("topic",)
)
PRODUCE_FAILED = Metric(
    "cryptoviz_producer_failed_total",
    "counter",
    "Messages not delivered: rejected by the broker or timed out",
    labels=("topic", "reason"),
)
ACK_SECONDS = Metric(
    "cryptoviz_producer_ack_seconds",
    "histogram",
    "From receiving a frame to the broker's acknowledgement",
    labels=("topic",),
)
NEWEST_EVENT = Metric(
    "cryptoviz_producer_newest_event_timestamp_seconds",
    "gauge",
    "Event time of the newest message sent",
    labels=("topic",),
)
CONNECTED = Metric("cryptoviz_producer_connected", "gauge", "1 while the source is connected", labels=("source",))
RECONNECTS = Metric(
    "cryptoviz_producer_reconnects_total", "counter", "Reconnects after a lost connection", labels=("source", "reason")
)
REFUSED = Metric(
    "cryptoviz_producer_subscription_refused",
    "gauge",
    "1 for a subscription that the venue rejected",
    labels=("source", "symbol"),
)
REFILLED = Metric(
    "cryptoviz_producer_refilled_trades_total",
    "counter",
    "Trades missing in the stream and fetched over REST",
    labels=("source", "pair"),
)
RESUBSCRIBED = Metric(
    "cryptoviz_producer_resubscribed_total",
    "counter",
    "Subscriptions renewed because they were silent while the pair traded",
    labels=("source", "channel", "symbol"),
)
GAPS_DETECTED = Metric(
    "cryptoviz_producer_gaps_detected_total",
    "counter",
    "Gaps detected in a pair's trade ids",
    labels=("source", "pair", "cause"),
)
GAPS_CLOSED = Metric(
    "cryptoviz_producer_gaps_closed_total", "counter", "Gaps closed: no trade missing", labels=("source", "pair")
)
GAPS_OPEN = Metric("cryptoviz_producer_gaps_open", "gauge", "Gaps with trades still missing", labels=("source", "pair"))
GAP_SECONDS = Metric(
    "cryptoviz_producer_gap_seconds", "histogram", "Time from detecting a gap to closing it", labels=("source", "pair")
)
MISSING_TRADES = Metric(
    "cryptoviz_producer_missing_trades", "gauge", "Trades currently known to be missing", labels=("source", "pair")
)
FEED_STATUS = Metric(
    "cryptoviz_producer_feed_fetches_total", "counter", "Feed fetches by outcome", labels=("website", "outcome")
)
FEED_REDIRECTS = Metric(
    "cryptoviz_producer_feed_redirects_total", "counter", "Feed redirects followed", labels=("website", "status")
)

# polled sources
POLLS = Metric(
    "cryptoviz_producer_polls_total",
    "counter",
    "Requests to polled sources by outcome",
    labels=("source", "kind", "outcome"),
)
POLL_FAILURES = Metric(
    "cryptoviz_producer_poll_failures_total",
    "counter",
    "Requests to polled sources that failed: rejected, or unanswered after all retries",
    labels=("source", "kind"),
)
QUARANTINED = Metric(
    "cryptoviz_producer_quarantined_total",
    "counter",
    "Rows of polled sources rejected by validation",
    labels=("source", "reason"),
)
REQUEST_WEIGHT = Metric(
    "cryptoviz_producer_request_weight",
    "gauge",
    "Request weight used in the current minute",
    labels=("source",),
)

# Spark jobs
JOB_ROWS = Metric("cryptoviz_job_rows_total", "counter", "Rows committed to a table", labels=("query", "table"))
JOB_DEADLETTERS = Metric(
    "cryptoviz_job_deadletters_total", "counter", "Messages sent to the dead-letter topic", labels=("query", "topic")
)
JOB_TAKEN = Metric(
    "cryptoviz_job_taken_messages_total",
    "counter",
    "Messages deleted by Kafka's retention before they were stored",
    labels=("query", "topic"),
)
JOB_LAG = Metric(
    "cryptoviz_job_lag_messages",
    "gauge",
    "Consumer lag: messages in Kafka not yet committed",
    labels=("query", "topic"),
)
JOB_ROWS_PER_SECOND = Metric(
    "cryptoviz_job_processed_rows_per_second", "gauge", "Rows per second in the newest batch", labels=("query",)
)
JOB_BATCH_SECONDS = Metric("cryptoviz_job_batch_seconds", "histogram", "Duration of a batch", labels=("query",))
JOB_WATERMARK = Metric(
    "cryptoviz_job_watermark_timestamp_seconds",
    "gauge",
    "Event time of the watermark (windowed jobs)",
    labels=("query",),
)
JOB_NEWEST_EVENT = Metric(
    "cryptoviz_job_newest_event_timestamp_seconds",
    "gauge",
    "Event time of the newest committed row",
    labels=("query", "table"),
)
JOB_RETRIES = Metric(
    "cryptoviz_job_retries_total",
    "counter",
    "Retries because Kafka or the database was unavailable",
    labels=("query", "edge"),
)
JOB_LAST_COMMIT = Metric(
    "cryptoviz_job_last_commit_timestamp_seconds", "gauge", "Commit time of the newest batch", labels=("query",)
)

# candle audit
CANDLES_COMPARED = Metric(
    "cryptoviz_audit_compared_minutes", "gauge", "Minutes compared with the venue's candles", labels=("pair",)
)
CANDLES_MISMATCHED = Metric(
    "cryptoviz_audit_mismatched_minutes", "gauge", "Minutes whose candle differs from the venue's", labels=("pair",)
)
CANDLE_MISMATCH_RATIO = Metric(
    "cryptoviz_audit_mismatch_ratio", "gauge", "Share of compared minutes that differ", labels=("pair",)
)
CANDLES_IN_GAPS = Metric(
    "cryptoviz_audit_gap_minutes", "gauge", "Minutes not compared because of open gaps", labels=("pair",)
)
CANDLES_AUDITED_AT = Metric(
    "cryptoviz_audit_last_timestamp_seconds", "gauge", "When a pair was last compared", labels=("pair",)
)
CANDLE_AUDIT_FAILED = Metric(
    "cryptoviz_audit_failed_total",
    "counter",
    "Comparisons that failed because one side did not answer",
    labels=("side",),
)

# API
API_REQUESTS = Metric(
    "cryptoviz_api_requests_total", "counter", "Requests answered", labels=("method", "route", "status")
)
API_SECONDS = Metric("cryptoviz_api_request_seconds", "histogram", "Time to answer a request", labels=("route",))

# notifier
NOTIFIER_DELIVERIES = Metric(
    "cryptoviz_notifier_deliveries_total",
    "counter",
    "Attempts to deliver an alert, by outcome: delivered, failed (retried) or rejected (skipped)",
    labels=("channel", "outcome"),
)

# simulator
SIMULATOR_EVENTS = Metric(
    "cryptoviz_simulator_events_total", "counter", "Events emitted by the simulator", labels=("kind",)
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
