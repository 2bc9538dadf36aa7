"""Every setting of every part, typed and frozen. This file alone reads the environment.

Read in this order, later wins: the defaults here, `secrets.env` in the data folder (generated passwords), `.env` in the
working folder, the process's environment. `.env.example` lists the same fields; a test keeps the two equal.
"""

import os
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from contracts.assets import ANOTHER, UnknownAsset, asset_of, pair_named
from contracts.messages import CandleInterval
from contracts.rules import (
    ALERT_SPREAD_PERCENT,
    ALERT_STALE_SECONDS,
    ALERT_THRESHOLD_PERCENT,
    FEED_POLL_SECONDS,
    MARKET_OUTLIER_PERCENT,
)
from contracts.tables import TABLE_BY_NAME
from contracts.topics import DAY_MS

PREFIX = "CRYPTOVIZ_"
ROOT = Path(__file__).resolve().parent.parent
SECRETS_FILE = "secrets.env"

Port = Annotated[int, Field(ge=1, le=65535)]
Words = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list."""

Days = Annotated[dict[str, PositiveInt], NoDecode]
"""Comma-separated `name=days`."""

Percents = Annotated[dict[str, PositiveFloat], NoDecode]
"""Comma-separated `pair=percent`."""

Role = Literal["owner", "writer", "api", "analyst"]


class Settings(BaseSettings):
    """All settings. A field `kraken_ws_url` is the variable `CRYPTOVIZ_KRAKEN_WS_URL`, but for those with an alias."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    data_dir: Path = Field(ROOT / ".data", description="Where the embedded servers, logs and checkpoints live")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged")

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        description="The Kafka brokers; the embedded broker listens on the port of the first one",
    )
    kafka_controller_port: Port = Field(9093, description="The embedded Kafka's own controller port")
    kafka_heap: str = Field("512m", description="Java heap of the embedded Kafka")

    database_url: str = Field(
        "",
        validation_alias="DATABASE_URL",
        description="An outside PostgreSQL or TimescaleDB, as its owner role; empty: the embedded server",
    )
    database_port: Port = Field(5433, description="Port of the embedded PostgreSQL")
    database_name: str = Field("cryptoviz", description="Database name on the embedded PostgreSQL")
    db_owner_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_owner (migrations)")
    db_writer_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_writer (Spark jobs)")
    db_api_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_api (the API)")
    db_analyst_password: SecretStr = Field(SecretStr(""), description="Password of cryptoviz_analyst (people with SQL)")
    keep_days: Days = Field(
        {}, description="How many days a table's rows are kept, such as ticker_data=90,trade_data=365; else for ever"
    )

    kraken_ws_url: str = Field("wss://ws.kraken.com/v2", description="Kraken's WebSocket v2")
    kraken_rest_url: str = Field("https://api.kraken.com", description="Kraken's REST API")
    kraken_rest_seconds: PositiveFloat = Field(
        1.0, description="Time between two calls of Kraken's REST API for the trades of one pair, in the long run"
    )
    kraken_rest_burst: PositiveInt = Field(
        8, description="How many such calls may follow each other at once, after a rest"
    )
    pairs: Words = Field(
        ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD"),
        description="Pairs to follow, comma-separated, of coins and quotes in contracts/assets.py",
    )
    alert_threshold_percent: PositiveFloat = Field(
        ALERT_THRESHOLD_PERCENT, description="Change against the reference price that raises an alert, in percent"
    )
    alert_thresholds: Percents = Field(
        {}, description="The same for single pairs, such as BTC/USD=0.5,DOGE/USD=2; the others keep the one above"
    )
    alert_reference_seconds: PositiveInt = Field(300, description="How old the reference price of an alert may grow")
    alert_cooldown_seconds: PositiveInt = Field(60, description="The least time between two alerts of one pair")
    alert_spread_percent: PositiveFloat = Field(
        ALERT_SPREAD_PERCENT, description="Spread between bid and ask that raises an alert, in percent"
    )
    alert_stale_seconds: PositiveInt = Field(
        ALERT_STALE_SECONDS, description="Silence of a pair's ticker that raises an alert"
    )
    silence_seconds: PositiveFloat = Field(5.0, description="Total silence after which a socket counts as dead")
    subscription_silence_seconds: PositiveFloat = Field(
        15.0, description="Silence of one subscription after which it is checked whether there were trades"
    )
    candle_audit_seconds: PositiveFloat = Field(
        300.0, description="Time between two comparisons of our candles with the venue's"
    )

    binance_url: str = Field("https://api.binance.com", description="Binance's REST API")
    binance_pairs: Words = Field(
        ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "ADA/USDT"),
        description="Pairs to ask Binance for, comma-separated, of coins and quotes in contracts/assets.py",
    )
    binance_poll_seconds: PositiveFloat = Field(60.0, description="Time between two polls of Binance")
    binance_interval: CandleInterval = Field("1m", description="Length of the candles taken from Binance")
    binance_weight_per_minute: PositiveInt = Field(1200, description="Most request weight used at Binance in a minute")
    coingecko_url: str = Field("https://api.coingecko.com", description="CoinGecko's REST API")
    coingecko_coins: Words = Field(
        ("BTC", "ETH", "SOL", "XRP", "ADA"),
        description="Coins of contracts/assets.py to ask CoinGecko for, comma-separated",
    )
    coingecko_poll_seconds: PositiveFloat = Field(600.0, description="Time between two polls of CoinGecko")
    market_outlier_percent: PositiveFloat = Field(
        MARKET_OUTLIER_PERCENT,
        description="Jump of a polled price that the next one has to confirm, in percent",
    )

    feed_urls: Words = Field(
        (
            "https://www.coindesk.com/arc/outboundfeeds/rss/",
            "https://cointelegraph.com/rss",
            "https://decrypt.co/feed",
            "https://cryptoslate.com/feed/",
            "https://bitcoinmagazine.com/feed",
        ),
        description="The RSS feeds, comma-separated",
    )
    feed_poll_seconds: PositiveFloat = Field(FEED_POLL_SECONDS, description="Time between two polls of a feed")
    feed_timeout_seconds: PositiveFloat = Field(15.0, description="How long a feed may take to answer")
    feed_max_bytes: PositiveInt = Field(5_000_000, description="Largest feed document that is read")
    feed_private_hosts: Words = Field(
        (), description="Hosts or host:port of feeds that may lie at addresses that are not public, comma-separated"
    )
    scorer: Literal["lexicon", "textblob", "trained"] = Field(
        "lexicon", description="What scores the articles' sentiment"
    )
    scorer_model: Path | None = Field(
        None, description="Model of the scorer `trained`; empty: scorer.npz in the data folder"
    )

    checkpoint_dir: Path | None = Field(None, description="Spark checkpoints; empty: checkpoints/ in the data folder")
    spark_driver_memory: str = Field("768m", description="Java heap of each Spark job")
    job_refusal_seconds: float = Field(
        30.0, ge=0, description="How long a Spark job that cannot go on waits before it ends, to be started again"
    )
    raw_trigger_seconds: float = Field(0.1, ge=0, description="Least time between two batches of kafka_to_timescale")
    window_trigger_seconds: float = Field(
        4.0, ge=0, description="Least time between two batches of sentiment_prediction_job"
    )
    raw_max_batch_rows: PositiveInt = Field(2_000_000, description="Most messages in one batch of kafka_to_timescale")

    api_host: str = Field("127.0.0.1", description="Address the API listens on")
    api_port: Port = Field(8000, description="Port of the API")
    api_workers: PositiveInt = Field(2, description="API worker processes")
    api_threads: PositiveInt = Field(4, description="Threads in each API worker")
    api_allowed_hosts: Words = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host names the API answers to, comma-separated"
    )
    api_secret_key: SecretStr = Field(SecretStr(""), description="Django's secret key")

    metrics_host: str = Field("127.0.0.1", description="Address every service's metrics are served on")
    kraken_metrics_port: Port = Field(9101, description="Metrics of kraken_producer")
    articles_metrics_port: Port = Field(9102, description="Metrics of article_scraper")
    market_metrics_port: Port = Field(9106, description="Metrics of market_poller")
    raw_metrics_port: Port = Field(9103, description="Metrics of kafka_to_timescale")
    window_metrics_port: Port = Field(9104, description="Metrics of sentiment_prediction_job")
    api_metrics_port: Port = Field(9105, description="Metrics of the API")
    candle_audit_metrics_port: Port = Field(9107, description="Metrics of candle_audit")
    prometheus_port: Port = Field(9090, description="Port of Prometheus, where it is installed")

    simulator_port: Port = Field(8765, description="Port of the simulated exchange and newsrooms")
    simulator_seed: int = Field(7, description="Seed of the simulated market")
    simulator_rate: PositiveFloat = Field(20.0, description="Simulated trades a second, all pairs together")
    simulator_recording: Path | None = Field(None, description="A JSONL recording to replay; empty: a synthetic market")
    simulator_speed: PositiveFloat = Field(1.0, le=100, description="Replay speed of a recording")

    @field_validator(
        *("pairs", "binance_pairs", "coingecko_coins", "feed_urls", "feed_private_hosts", "api_allowed_hosts"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("coingecko_coins")
    @classmethod
    def _coins_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one coin, such as BTC")
        try:
            return tuple(dict.fromkeys(asset_of(coin).symbol for coin in value))
        except UnknownAsset as error:
            raise ValueError(f"{error} ({ANOTHER})") from None

    @field_validator("pairs", "binance_pairs")
    @classmethod
    def _pairs_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one pair, such as BTC/USD")
        return tuple(dict.fromkeys(map(pair_named, value)))

    @field_validator("alert_thresholds")
    @classmethod
    def _thresholds_are_of_known_pairs(cls, value: dict[str, float]) -> dict[str, float]:
        return {pair_named(name): percent for name, percent in value.items()}

    @field_validator("keep_days", "alert_thresholds", mode="before")
    @classmethod
    def _split_assignments(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = (part.partition("=") for part in value.split(",") if part.strip())
        return {name.strip(): figure.strip() for name, _, figure in parts}

    @field_validator("keep_days")
    @classmethod
    def _tables_are_known_and_kept_as_long_as_topics(cls, value: dict[str, int]) -> dict[str, int]:
        for name, days in value.items():
            if name not in TABLE_BY_NAME:
                raise ValueError(f"no table is called {name}; there are {', '.join(TABLE_BY_NAME)}")
            topic = TABLE_BY_NAME[name].topic
            if topic is not None and days * DAY_MS < topic.retention_ms:
                least = topic.retention_ms // DAY_MS
                raise ValueError(f"{name} must be kept as long as Kafka keeps {topic.name}: {least} days at least")
        return value

    @property
    def embedded_database(self) -> bool:
        """Whether the stack runs its own PostgreSQL."""
        return not self.database_url

    @property
    def embedded_kafka(self) -> bool:
        """Whether the stack runs its own broker: it does unless the brokers named are on other machines."""
        hosts = (server.rpartition(":")[0].strip() for server in self.kafka_bootstrap_servers.split(","))
        return all(host in ("127.0.0.1", "localhost", "[::1]") for host in hosts)

    @property
    def checkpoints(self) -> Path:
        """The folder of Spark's checkpoints."""
        return self.checkpoint_dir or self.data_dir / "checkpoints"

    @property
    def scorer_model_file(self) -> Path:
        """Where the trained scorer's model is kept."""
        return self.scorer_model or self.data_dir / "scorer.npz"

    @property
    def feed_validators_file(self) -> Path:
        """Where the feeds' ETags and dates are kept over a restart."""
        return self.data_dir / "feed_validators.json"

    def kept_since(self, table: str, now: datetime) -> datetime | None:
        """The moment before which rows of a table are deleted; None where all are kept."""
        days = self.keep_days.get(table)
        return None if days is None else now - timedelta(days=days)

    def database_url_of(self, role: Role) -> str:
        """A libpq URL that connects as `role`. The owner of an outside database is whoever DATABASE_URL names."""
        if role == "owner" and self.database_url:
            return self.database_url
        password: SecretStr = getattr(self, f"db_{role}_password")
        base = self.database_url or f"postgresql://127.0.0.1:{self.database_port}/{self.database_name}"
        parts = urlsplit(base)
        place = parts.netloc.rpartition("@")[2]
        user = f"cryptoviz_{role}:{quote(password.get_secret_value(), safe='')}"
        return urlunsplit(parts._replace(netloc=f"{user}@{place}"))


def environment_name(field: str) -> str:
    """The environment variable of a settings field."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


class BadSettings(SystemExit):
    """A setting is wrong: ends the process with one line that names the variable, what is wrong, and where to look."""


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process, read anew. Ends the process (`BadSettings`) naming a variable that is wrong."""
    names = {environment_name(field) for field in Settings.model_fields}
    for stranger in sorted(name for name in os.environ if name.startswith(PREFIX) and name not in names):
        near = get_close_matches(stranger, names, n=1)
        raise BadSettings(f"settings: no setting is called {stranger}" + (f"; did you mean {near[0]}?" if near else ""))
    dotenv = ROOT / ".env"
    try:
        first_look = Settings(_env_file=dotenv, **overrides)  # type: ignore[call-arg]
        return Settings(_env_file=(first_look.data_dir / SECRETS_FILE, dotenv), **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        variable = environment_name(field) if field in Settings.model_fields else field
        raise BadSettings(
            f"settings: {variable}={first['input']!r}: {first['msg']}. See .env.example; mend .env or the environment."
        ) from None


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
