"""The Kafka topics: name, key, partitions, retention, writer and readers. Pure."""

from dataclasses import KW_ONLY, dataclass

from contracts.messages import Alert, Article, Candle, DeadLetter, Gap, MarketSnapshot, Message, Ticker, Trade

DAY_MS = 24 * 60 * 60 * 1000

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""The broker's limit. Far above `MAX_MESSAGE_BYTES`, so that oversized messages arrive and are dead-lettered."""

DEADLETTER_RAW_BYTES = 65_536
"""How much of an invalid message its dead letter holds. The full message stays in the source topic until retention."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `key` is the message field used as record key, and so the unit of ordering."""

    name: str
    message: type[Message]
    _: KW_ONLY
    key: str
    partitions: int
    retention_ms: int
    writer: str
    readers: tuple[str, ...]
    dated_by_broker: bool = False
    """Whether the broker sets the record timestamps (LogAppendTime) instead of the producer."""

    def config(self) -> dict[str, str]:
        """The topic's configuration on the broker."""
        return {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(MAX_RECORD_BYTES),
            "message.timestamp.type": "LogAppendTime" if self.dated_by_broker else "CreateTime",
        }


RAW_JOB = "kafka_to_timescale"
WINDOW_JOB = "sentiment_prediction_job"

# One partition: the windowed job reads ticks in write order. With more, during catch-up one partition could run ahead
# and advance the watermark past the events of another.
RAWTICKER = Topic(
    "rawticker",
    Ticker,
    key="pair",
    partitions=1,
    retention_ms=7 * DAY_MS,
    writer="kraken_producer",
    readers=(RAW_JOB, WINDOW_JOB),
)
RAWTRADE = Topic(
    "rawtrade", Trade, key="pair", partitions=2, retention_ms=7 * DAY_MS, writer="kraken_producer", readers=(RAW_JOB,)
)
RAWALERT = Topic(
    "rawalert", Alert, key="pair", partitions=1, retention_ms=30 * DAY_MS, writer="kraken_producer", readers=(RAW_JOB,)
)
RAWGAP = Topic(
    "rawgap", Gap, key="pair", partitions=1, retention_ms=30 * DAY_MS, writer="kraken_producer", readers=(RAW_JOB,)
)
POLLED_MARKET = Topic(
    "market_data",
    MarketSnapshot,
    key="pair",
    partitions=1,
    retention_ms=30 * DAY_MS,
    writer="market_poller",
    readers=(RAW_JOB,),
)
POLLED_CANDLE = Topic(
    "ohlcv_data", Candle, key="pair", partitions=1, retention_ms=30 * DAY_MS, writer="market_poller", readers=(RAW_JOB,)
)
RAWARTICLE = Topic(
    "rawarticle",
    Article,
    key="website",
    partitions=1,
    retention_ms=30 * DAY_MS,
    writer="article_scraper",
    readers=(RAW_JOB, WINDOW_JOB),
)
DEADLETTER = Topic(
    "deadletter",
    DeadLetter,
    key="topic",
    partitions=1,
    retention_ms=30 * DAY_MS,
    writer=RAW_JOB,
    readers=("audit",),
    dated_by_broker=True,
)

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
"""Settings of all producers: each record once per producer session, in order, acknowledged by all replicas."""
