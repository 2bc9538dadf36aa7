"""The tables: columns, time column, natural key and writer of each. Pure.

`database/migrations` creates them. A test compares this file with the catalogue of a migrated database.
"""

from dataclasses import KW_ONLY, dataclass, field

from contracts.topics import (
    POLLED_CANDLE,
    POLLED_MARKET,
    RAW_JOB,
    RAWALERT,
    RAWARTICLE,
    RAWGAP,
    RAWTICKER,
    RAWTRADE,
    WINDOW_JOB,
    Topic,
)

TIME = "timestamp with time zone"
FLOAT = "double precision"
TEXT = "text"
TEXTS = "text[]"
BIG = "bigint"
INT = "integer"

INSERTED_AT = "inserted_at"
"""When the row was stored. Set by the database, never by a writer."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `columns` maps each name to its PostgreSQL type, in order; `nullable` names those that may be NULL.

    `natural_key` identifies a row. `unique`: the database enforces the key, since a gap refill or a restart delivers
    trades and articles again; elsewhere exactly-once relies on the batch ledger alone, and the audit verifies it.
    `version`: the column that orders rows with the same key; only the newest is kept.
    """

    name: str
    _: KW_ONLY
    time_column: str
    columns: dict[str, str]
    natural_key: tuple[str, ...]
    writer: str
    unique: bool
    topic: Topic | None = None
    nullable: frozenset[str] = field(default_factory=frozenset)
    version: str | None = None

    @property
    def written_columns(self) -> tuple[str, ...]:
        """The columns that a writer sets, in order."""
        return tuple(name for name in self.columns if name != INSERTED_AT)


TICKER_DATA = Table(
    "ticker_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "pair": TEXT,
        "last": FLOAT,
        "bid": FLOAT,
        "ask": FLOAT,
        "volume_24h": FLOAT,
        "received_at": TIME,
        INSERTED_AT: TIME,
    },
    natural_key=("pair", "timestamp", "received_at"),
    writer=RAW_JOB,
    unique=False,
    topic=RAWTICKER,
)
TRADE_DATA = Table(
    "trade_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "pair": TEXT,
        "price": FLOAT,
        "volume": FLOAT,
        "side": TEXT,
        "trade_id": BIG,
        "received_at": TIME,
        INSERTED_AT: TIME,
    },
    natural_key=("pair", "trade_id", "timestamp"),
    writer=RAW_JOB,
    unique=True,
    topic=RAWTRADE,
)
ARTICLE_DATA = Table(
    "article_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "article_id": TEXT,
        "title": TEXT,
        "url": TEXT,
        "website": TEXT,
        "summary": TEXT,
        "cryptocurrencies_mentioned": TEXTS,
        "sentiment_score": FLOAT,
        "sentiment_label": TEXT,
        "confidence": FLOAT,
        "scorer": TEXT,
        "sentiment_hits": TEXTS,
        "collected_at": TIME,
        "revision": INT,
        "story_id": TEXT,
        INSERTED_AT: TIME,
    },
    natural_key=("article_id", "timestamp"),
    writer=RAW_JOB,
    unique=True,
    topic=RAWARTICLE,
    version="revision",
)
ALERT_DATA = Table(
    "alert_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "pair": TEXT,
        "last_price": FLOAT,
        "change_percent": FLOAT,
        "threshold": FLOAT,
        "alert_type": TEXT,
        INSERTED_AT: TIME,
    },
    natural_key=("pair", "timestamp", "alert_type"),
    writer=RAW_JOB,
    unique=True,
    topic=RAWALERT,
)
GAP_DATA = Table(
    "gap_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "pair": TEXT,
        "from_id": BIG,
        "to_id": BIG,
        "to_time": TIME,
        "cause": TEXT,
        "missing_left": BIG,
        "detected_at": TIME,
        "reported_at": TIME,
        "closed_at": TIME,
        "source": TEXT,
        INSERTED_AT: TIME,
    },
    natural_key=("pair", "from_id", "timestamp"),
    writer=RAW_JOB,
    unique=True,
    topic=RAWGAP,
    nullable=frozenset({"closed_at"}),
    version="reported_at",
)
MARKET_DATA = Table(
    "market_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "pair": TEXT,
        "source": TEXT,
        "price": FLOAT,
        "change_24h": FLOAT,
        "change_percent_24h": FLOAT,
        "high_24h": FLOAT,
        "low_24h": FLOAT,
        "volume_24h": FLOAT,
        "quote_volume_24h": FLOAT,
        "weighted_average_24h": FLOAT,
        "market_cap": FLOAT,
        "bid": FLOAT,
        "ask": FLOAT,
        "spread": FLOAT,
        "spread_percent": FLOAT,
        "recent_trades": BIG,
        "mean_trade_price": FLOAT,
        "taker_buy_volume": FLOAT,
        "received_at": TIME,
        INSERTED_AT: TIME,
    },
    natural_key=("pair", "source", "timestamp"),
    writer=RAW_JOB,
    unique=True,
    topic=POLLED_MARKET,
    nullable=frozenset(
        {
            *("change_24h", "change_percent_24h", "high_24h", "low_24h", "volume_24h", "quote_volume_24h"),
            *("weighted_average_24h", "market_cap", "bid", "ask", "spread", "spread_percent"),
            *("recent_trades", "mean_trade_price", "taker_buy_volume"),
        }
    ),
)
OHLCV_DATA = Table(
    "ohlcv_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "pair": TEXT,
        "source": TEXT,
        "interval": TEXT,
        "open": FLOAT,
        "high": FLOAT,
        "low": FLOAT,
        "close": FLOAT,
        "volume": FLOAT,
        "quote_volume": FLOAT,
        "trade_count": BIG,
        "taker_buy_volume": FLOAT,
        "taker_buy_quote_volume": FLOAT,
        "received_at": TIME,
        INSERTED_AT: TIME,
    },
    natural_key=("pair", "source", "interval", "timestamp"),
    writer=RAW_JOB,
    unique=True,
    topic=POLLED_CANDLE,
)
SENTIMENT_DATA = Table(
    "sentiment_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "crypto_symbol": TEXT,
        "sentiment_score": FLOAT,
        "sentiment_label": TEXT,
        "source": TEXT,
        "confidence": FLOAT,
        "window_start": TIME,
        "article_count": INT,
        "story_count": INT,
        INSERTED_AT: TIME,
    },
    natural_key=("crypto_symbol", "source", "timestamp"),
    writer=WINDOW_JOB,
    unique=True,
)
PREDICTION_DATA = Table(
    "prediction_data",
    time_column="timestamp",
    columns={
        "timestamp": TIME,
        "crypto_symbol": TEXT,
        "predicted_price": FLOAT,
        "actual_price": FLOAT,
        "model_name": TEXT,
        "confidence_interval_low": FLOAT,
        "confidence_interval_high": FLOAT,
        "horizon_seconds": INT,
        "target_at": TIME,
        "model_version": TEXT,
        "scored_at": TIME,
        "window_start": TIME,
        "sample_count": INT,
        "price_stddev": FLOAT,
        "price_min": FLOAT,
        "price_max": FLOAT,
        "price_last": FLOAT,
        INSERTED_AT: TIME,
    },
    natural_key=("crypto_symbol", "model_name", "horizon_seconds", "timestamp"),
    writer=WINDOW_JOB,
    unique=True,
    nullable=frozenset({"actual_price", "scored_at"}),
)

TABLES: tuple[Table, ...] = (
    TICKER_DATA,
    TRADE_DATA,
    ARTICLE_DATA,
    ALERT_DATA,
    GAP_DATA,
    MARKET_DATA,
    OHLCV_DATA,
    SENTIMENT_DATA,
    PREDICTION_DATA,
)

LATEST_TICK = Table(
    "latest_tick",
    time_column="timestamp",
    columns={
        "pair": TEXT,
        "timestamp": TIME,
        "last": FLOAT,
        "bid": FLOAT,
        "ask": FLOAT,
        "volume_24h": FLOAT,
        "received_at": TIME,
    },
    natural_key=("pair",),
    writer=RAW_JOB,
    unique=True,
)
"""The newest row of `ticker_data` per pair, written in the same transaction. Not in `TABLES`: it is a state, not a time
series."""

TABLE_BY_NAME: dict[str, Table] = {table.name: table for table in TABLES}
TABLE_BY_TOPIC: dict[str, Table] = {table.topic.name: table for table in TABLES if table.topic is not None}

LEDGER = "cryptoviz.batch_ledger"
"""One row per committed batch (query, checkpoint_id, batch_id) and partition, with its Kafka offsets."""

PARTITION_LOCK = "cryptoviz.partition_lock"
"""One row per query and Kafka partition; the writer that stores the partition's records locks it."""

ROLES: tuple[str, ...] = ("cryptoviz_owner", "cryptoviz_writer", "cryptoviz_api", "cryptoviz_analyst")
