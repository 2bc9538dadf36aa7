"""The Kafka topics: name, key, partitions, retention, who writes and who reads."""

from dataclasses import dataclass

from contracts.messages import Alert, Article, Candle, DeadLetter, Gap, MarketSnapshot, Message, Ticker, Trade

DAY_MS = 24 * 60 * 60 * 1000

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""What the broker lets in. Far above what a reader accepts, so that an oversized message is seen, judged and kept."""

DEADLETTER_RAW_BYTES = 65_536
"""How much of an unreadable message its dead letter carries; the whole stays in its own topic until retention."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: `key` is the message field records are keyed (and so ordered) by."""

    name: str
    message: type[Message]
    key: str
    partitions: int
    retention_ms: int
    writer: str
    readers: tuple[str, ...]
    dated_by_broker: bool = False
    """Whether its records bear the broker's time, and not their producer's."""

    def config(self) -> dict[str, str]:
        """The topic's configuration at the broker."""
        return {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_RECORD_BYTES),
            "message.timestamp.type": "LogAppendTime" if self.dated_by_broker else "CreateTime",
        }


RAW_JOB = "kafka_to_timescale"
WINDOW_JOB = "sentiment_prediction_job"

# One partition: the windowed job reads ticks in the order they were written, so that while it catches up no partition
# runs ahead of another and moves the watermark past the other's events.
RAWTICKER = Topic("rawticker", Ticker, "pair", 1, 7 * DAY_MS, "kraken_producer", (RAW_JOB, WINDOW_JOB))
RAWTRADE = Topic("rawtrade", Trade, "pair", 2, 7 * DAY_MS, "kraken_producer", (RAW_JOB,))
RAWALERT = Topic("rawalert", Alert, "pair", 1, 30 * DAY_MS, "kraken_producer", (RAW_JOB,))
RAWGAP = Topic("rawgap", Gap, "pair", 1, 30 * DAY_MS, "kraken_producer", (RAW_JOB,))
POLLED_MARKET = Topic("market_data", MarketSnapshot, "pair", 1, 30 * DAY_MS, "market_poller", (RAW_JOB,))
POLLED_CANDLE = Topic("ohlcv_data", Candle, "pair", 1, 30 * DAY_MS, "market_poller", (RAW_JOB,))
RAWARTICLE = Topic("rawarticle", Article, "website", 1, 30 * DAY_MS, "article_scraper", (RAW_JOB, WINDOW_JOB))
DEADLETTER = Topic("deadletter", DeadLetter, "topic", 1, 30 * DAY_MS, RAW_JOB, ("audit",), dated_by_broker=True)

TOPICS: tuple[Topic, ...] = (
    *(RAWTICKER, RAWTRADE, RAWALERT, RAWARTICLE, RAWGAP),
    *(POLLED_MARKET, POLLED_CANDLE),
    DEADLETTER,
)
RAW_TOPICS: tuple[Topic, ...] = tuple(topic for topic in TOPICS if RAW_JOB in topic.readers)
TOPIC_BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}

PRODUCER_CONFIG: dict[str, str | int | bool] = {
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    "linger.ms": 5,
}
"""How every producer of the house writes: each record once per session, in order, acknowledged by all replicas."""
