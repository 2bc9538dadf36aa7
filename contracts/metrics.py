"""Every metric of the house: name, kind, help and labels, once. Each part builds the ones it emits from here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Kind = Literal["counter", "gauge", "histogram"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `name` is as scraped (counters end in `_total`)."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    def of(self, factory: Callable[[str, str, Sequence[str]], _T]) -> _T:
        """The metric built with a prometheus-client class: `METRIC.of(Counter)`. Once per process and registry."""
        return factory(self.name, self.help, self.labels)


# producers
FRAMES = Metric("cryptoviz_producer_frames_total", "counter", "Frames or documents received from a source", ("source",))
MALFORMED = Metric(
    "cryptoviz_producer_malformed_total", "counter", "Frames, feeds or items that could not be read", ("source",)
)
PRODUCED = Metric("cryptoviz_producer_messages_total", "counter", "Messages the broker has acknowledged", ("topic",))
PRODUCE_FAILED = Metric(
    "cryptoviz_producer_failed_total", "counter", "Messages the broker finally refused", ("topic", "reason")
)
ACK_SECONDS = Metric(
    "cryptoviz_producer_ack_seconds", "histogram", "From receiving a frame to the broker's acknowledgement", ("topic",)
)
NEWEST_EVENT = Metric(
    "cryptoviz_producer_newest_event_timestamp_seconds", "gauge", "Event time of the newest message sent", ("topic",)
)
CONNECTED = Metric("cryptoviz_producer_connected", "gauge", "1 while the source is connected", ("source",))
RECONNECTS = Metric(
    "cryptoviz_producer_reconnects_total", "counter", "Connections lost and sought again", ("source", "reason")
)
REFUSED = Metric(
    "cryptoviz_producer_subscription_refused", "gauge", "1 for a subscription the venue refused", ("source", "symbol")
)
REFILLED = Metric(
    "cryptoviz_producer_refilled_trades_total",
    "counter",
    "Trades the stream left out and REST brought back",
    ("source", "pair"),
)
RESUBSCRIBED = Metric(
    "cryptoviz_producer_resubscribed_total",
    "counter",
    "Subscriptions made anew because they were silent while there were trades",
    ("source", "channel", "symbol"),
)
GAPS_DETECTED = Metric(
    "cryptoviz_producer_gaps_detected_total", "counter", "Holes found in a book's trades", ("source", "pair", "cause")
)
GAPS_CLOSED = Metric("cryptoviz_producer_gaps_closed_total", "counter", "Holes filled to the last", ("source", "pair"))
GAPS_OPEN = Metric("cryptoviz_producer_gaps_open", "gauge", "Holes with trades still missing", ("source", "pair"))
GAP_SECONDS = Metric(
    "cryptoviz_producer_gap_seconds", "histogram", "From finding a gap to its last missing trade", ("source", "pair")
)
MISSING_TRADES = Metric(
    "cryptoviz_producer_missing_trades", "gauge", "Trades known to be missing now", ("source", "pair")
)
FEED_STATUS = Metric(
    "cryptoviz_producer_feed_fetches_total", "counter", "Feed fetches by outcome", ("website", "outcome")
)
FEED_REDIRECTS = Metric(
    "cryptoviz_producer_feed_redirects_total", "counter", "Redirects of feeds that were followed", ("website", "status")
)

# polled sources
POLLS = Metric(
    "cryptoviz_producer_polls_total",
    "counter",
    "Questions to polled sources by outcome",
    ("source", "kind", "outcome"),
)
POLL_FAILURES = Metric(
    "cryptoviz_producer_poll_failures_total",
    "counter",
    "Questions to polled sources given up: refused, or without an answer after all retries",
    ("source", "kind"),
)
QUARANTINED = Metric(
    "cryptoviz_producer_quarantined_total", "counter", "Rows of polled sources not passed on", ("source", "reason")
)
REQUEST_WEIGHT = Metric(
    "cryptoviz_producer_request_weight",
    "gauge",
    "Request weight used in this minute",
    ("source",),
)

# Spark jobs
JOB_ROWS = Metric("cryptoviz_job_rows_total", "counter", "Rows committed to a table", ("query", "table"))
JOB_DEADLETTERS = Metric(
    "cryptoviz_job_deadletters_total", "counter", "Messages sent to the dead-letter topic", ("query", "topic")
)
JOB_TAKEN = Metric(
    "cryptoviz_job_taken_messages_total",
    "counter",
    "Messages that Kafka's retention took before they were stored",
    ("query", "topic"),
)
JOB_LAG = Metric("cryptoviz_job_lag_messages", "gauge", "Messages in Kafka not yet committed", ("query", "topic"))
JOB_ROWS_PER_SECOND = Metric(
    "cryptoviz_job_processed_rows_per_second", "gauge", "Rows a second in the newest batch", ("query",)
)
JOB_BATCH_SECONDS = Metric("cryptoviz_job_batch_seconds", "histogram", "Time a batch took, whole", ("query",))
JOB_WATERMARK = Metric(
    "cryptoviz_job_watermark_timestamp_seconds", "gauge", "Event time of the watermark (windowed jobs)", ("query",)
)
JOB_NEWEST_EVENT = Metric(
    "cryptoviz_job_newest_event_timestamp_seconds",
    "gauge",
    "Event time of the newest row committed",
    ("query", "table"),
)
JOB_RETRIES = Metric(
    "cryptoviz_job_retries_total", "counter", "Attempts repeated because a neighbour was away", ("query", "edge")
)
JOB_LAST_COMMIT = Metric(
    "cryptoviz_job_last_commit_timestamp_seconds", "gauge", "When the newest batch was committed", ("query",)
)

# candle audit
CANDLES_COMPARED = Metric(
    "cryptoviz_audit_compared_minutes", "gauge", "Minutes held against the venue's candles", ("pair",)
)
CANDLES_MISMATCHED = Metric(
    "cryptoviz_audit_mismatched_minutes", "gauge", "Minutes whose candle is not the venue's", ("pair",)
)
CANDLE_MISMATCH_RATIO = Metric(
    "cryptoviz_audit_mismatch_ratio", "gauge", "Share of the compared minutes that differ", ("pair",)
)
CANDLES_IN_GAPS = Metric(
    "cryptoviz_audit_gap_minutes", "gauge", "Minutes not compared: they lie in open gaps", ("pair",)
)
CANDLES_AUDITED_AT = Metric(
    "cryptoviz_audit_last_timestamp_seconds", "gauge", "When a pair was last compared", ("pair",)
)
CANDLE_AUDIT_FAILED = Metric(
    "cryptoviz_audit_failed_total", "counter", "Comparisons without an answer of one side", ("side",)
)

# API
API_REQUESTS = Metric("cryptoviz_api_requests_total", "counter", "Requests answered", ("method", "route", "status"))
API_SECONDS = Metric("cryptoviz_api_request_seconds", "histogram", "Time to answer a request", ("route",))

# simulator
SIMULATOR_EVENTS = Metric(
    "cryptoviz_simulator_events_total", "counter", "Events the simulated world emitted", ("kind",)
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
