"""One frozen model per topic: the JSON on the wire and its validation. Pure.

`parse_message` alone defines which messages are valid. Faster decoders must give the same result.
"""

from functools import lru_cache
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contracts.assets import canonical, is_symbol, split_pair
from contracts.rules import EARLIEST_EVENT_SECONDS, MAX_FUTURE_SECONDS, MAX_MESSAGE_BYTES, SentimentLabel, Side

# PostgreSQL stores any character but NUL.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=100_000)]
ShortText = Annotated[str, Field(pattern=r"^[^\x00]+$", min_length=1, max_length=2_000)]
# Used in keys. A B-tree entry holds 2,704 bytes and a character takes up to four, so two of these fit.
Identity = Annotated[str, Field(pattern=r"^[^\x00]+$", min_length=1, max_length=300)]
EpochSeconds = Annotated[float, Field(ge=EARLIEST_EVENT_SECONDS, le=253_402_300_799)]
Price = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Quantity = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
NonNegativeInt = Annotated[int, Field(ge=0, le=2**63 - 1)]

AlertType = Literal["price_move", "spread_blowout", "stale_feed"]
TradeSource = Literal["stream", "refill", "backfill"]
"""Live stream; REST refill of a gap; backfill of history on request."""

GapCause = Literal["reconnect", "restart", "jump"]
MarketSource = Literal["binance", "coingecko"]
"""The polled sources. Each has a folder of that name in `data_producers/sources/`."""
CandleInterval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]


class InvalidMessage(ValueError):
    """A message that fails validation. `str(error)` is the reason recorded in its dead letter."""


class Message(BaseModel):
    """Base of all messages: frozen, strict types, finite numbers, unknown fields ignored (venues add fields)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    def to_json(self) -> bytes:
        """The message on the wire: compact UTF-8 JSON, fields in declaration order."""
        return self.model_dump_json().encode()


@lru_cache(maxsize=4096)
def _is_pair(text: str) -> bool:
    return split_pair(text) is not None


class _PairMessage(Message):
    pair: ShortText
    """The venue's spelling. Tables hold `canonical(pair)`."""

    @model_validator(mode="after")
    def _pair_is_known(self) -> Self:
        if not _is_pair(self.pair):
            raise ValueError(f"unknown pair {self.pair[:40]!r}")
        return self


class Ticker(_PairMessage):
    """The state of a pair's market. `timestamp` is the venue's event time, `received_at` ours, both epoch seconds.

    (pair, timestamp, received_at) is unique: `received_at` increases strictly while a producer process runs, unless
    its clock is set back by more than `MAX_CLOCK_LEAD_SECONDS`.
    """

    last: Price
    bid: NonNegative
    ask: NonNegative
    volume_24h: NonNegative
    timestamp: EpochSeconds
    received_at: EpochSeconds
    pct_change: float | None = None
    source: ShortText = "kraken"

    @model_validator(mode="after")
    def _book_is_not_crossed(self) -> Self:
        if self.bid > self.ask:
            raise ValueError(f"bid {self.bid} above ask {self.ask}")
        return self


class Trade(_PairMessage):
    """One trade. `side` is the taker's, `trade_id` the venue's sequence per book: (pair, trade_id) is unique."""

    price: Price
    volume: Quantity
    side: Side
    trade_id: NonNegativeInt
    timestamp: EpochSeconds
    received_at: EpochSeconds
    source: TradeSource = "stream"


class Alert(_PairMessage):
    """A price move, a wide spread or a stale feed. `change_percent` is signed: negative is a fall."""

    last_price: Price
    change_percent: float
    threshold: Quantity
    alert_type: AlertType
    timestamp: EpochSeconds


class Gap(_PairMessage):
    """Missing trades of a pair, ids `from_id` to `to_id` inclusive, with the venue's times of the trades on both sides.

    `cause`: a lost connection, a process restart, or a jump of ids within the stream. `missing_left` counts the trades
    still missing at `reported_at`; `closed_at` is set once it is 0. (pair, from_id) identifies a gap, and a later
    report supersedes an earlier one. A gap reported again as open is one that the venue's history does not fill.
    """

    from_id: NonNegativeInt
    to_id: NonNegativeInt
    from_time: EpochSeconds
    to_time: EpochSeconds
    cause: GapCause
    detected_at: EpochSeconds
    reported_at: EpochSeconds
    closed_at: EpochSeconds | None = None
    missing_left: NonNegativeInt
    source: ShortText = "kraken"

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        if self.from_id > self.to_id:
            raise ValueError(f"from_id {self.from_id} above to_id {self.to_id}")
        if self.missing_left > self.to_id - self.from_id + 1:
            raise ValueError(f"missing_left {self.missing_left} of {self.to_id - self.from_id + 1} trades")
        if (self.closed_at is None) != (self.missing_left > 0):
            raise ValueError("closed_at is set if and only if missing_left is 0")
        return self


class MarketSnapshot(_PairMessage):
    """A pair's market as a polled source reports it. (pair, source, timestamp) is unique.

    `timestamp` is the source's time. Amounts are in the quote currency, except `volume_24h` and `taker_buy_volume`,
    which are in the base asset. Values that a source does not report are null.
    """

    source: MarketSource
    price: Price
    change_24h: float | None = None
    change_percent_24h: float | None = None
    high_24h: Price | None = None
    low_24h: Price | None = None
    volume_24h: NonNegative | None = None
    quote_volume_24h: NonNegative | None = None
    weighted_average_24h: Price | None = None
    market_cap: NonNegative | None = None
    bid: Price | None = None
    ask: Price | None = None
    spread: NonNegative | None = None
    spread_percent: NonNegative | None = None
    recent_trades: NonNegativeInt | None = None
    """Sample count: `mean_trade_price` and `taker_buy_volume` cover this many of the newest trades."""
    mean_trade_price: Price | None = None
    taker_buy_volume: NonNegative | None = None
    timestamp: EpochSeconds
    received_at: EpochSeconds

    @model_validator(mode="after")
    def _book_is_not_crossed(self) -> Self:
        if self.bid is not None and self.ask is not None and self.bid > self.ask:
            raise ValueError(f"bid {self.bid} above ask {self.ask}")
        return self


class Candle(_PairMessage):
    """A closed candle, as computed by its venue. (pair, source, interval, timestamp) is unique.

    `timestamp` is its open time. `volume` and `taker_buy_volume` are in the base asset, the other two volumes in the
    quote currency.
    """

    source: MarketSource
    interval: CandleInterval
    open: Price
    high: Price
    low: Price
    close: Price
    volume: NonNegative
    quote_volume: NonNegative
    trade_count: NonNegativeInt
    taker_buy_volume: NonNegative
    taker_buy_quote_volume: NonNegative
    timestamp: EpochSeconds
    received_at: EpochSeconds

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        if not self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high:
            raise ValueError(f"open {self.open} or close {self.close} outside of {self.low} to {self.high}")
        if self.taker_buy_volume > self.volume:
            raise ValueError(f"taker_buy_volume {self.taker_buy_volume} above volume {self.volume}")
        return self


class Sentiment(BaseModel):
    """A scorer's result for a text: `score` in [0, 1], its label, and `confidence` in [0, 1].

    `hits` lists the words behind the score, most influential first; empty in older messages.
    """

    model_config = Message.model_config

    score: Fraction
    label: SentimentLabel
    confidence: Fraction
    scorer: ShortText
    hits: Annotated[list[ShortText], Field(max_length=100)] = Field(default_factory=list)


class Article(Message):
    """One version of a news article. `published_at` is the newsroom's time of the first version, `collected_at` is when
    we received this version (epoch seconds).

    `revision` numbers the versions of one `id` from 1: an edited headline is a new version. `story_id` is the id of the
    first article about the same story, from any newsroom. In older messages, which lack both fields, `revision` is 1
    and `story_id` is `id`.
    """

    id: Identity
    title: ShortText
    url: ShortText
    website: ShortText
    summary: Text
    published_at: EpochSeconds
    collected_at: EpochSeconds
    sentiment: Sentiment
    cryptocurrencies_mentioned: Annotated[list[ShortText], Field(max_length=100)]
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    story_id: Identity = Field(default_factory=lambda fields: fields["id"])

    @model_validator(mode="after")
    def _coins_are_canonical(self) -> Self:
        unknown = [coin for coin in self.cryptocurrencies_mentioned if not is_symbol(coin)]
        if unknown:
            raise ValueError(f"not a canonical symbol: {unknown[0][:40]!r}")
        return self


class DeadLetter(Message):
    """A record of an unreadable message: its offset, the reason, its first bytes (base64) and its full length."""

    topic: ShortText
    partition: NonNegativeInt
    offset: NonNegativeInt
    reason: ShortText
    raw: str
    raw_bytes: NonNegativeInt
    at: EpochSeconds


_M = TypeVar("_M", bound=Message)

_LOCAL_TIMES = ("received_at", "collected_at", "detected_at", "reported_at")
_GAP_TIMES = ("from_time", "to_time", "detected_at", "reported_at", "closed_at")


def message_times(message: Message) -> tuple[float, ...]:
    """All times in a message, in epoch seconds, event time first. None may be far ahead of its Kafka record's."""
    fields = ("timestamp", "received_at", "published_at", "collected_at", *_GAP_TIMES)
    return tuple(value for field in fields if (value := getattr(message, field, None)) is not None)


def latest_local_time(message: Message) -> float:
    """The latest time in a message that our clock set, in epoch seconds; 0 if there is none."""
    return max(getattr(message, field, 0.0) for field in _LOCAL_TIMES)


def parse_message(model: type[_M], raw: bytes | None, record_timestamp: float) -> _M:
    """The message in `raw`. Raises `InvalidMessage` with the reason.

    `record_timestamp` is the Kafka record's timestamp in epoch seconds. The result depends on the record alone, not on
    the time of reading, so a replay gives the same result.
    """
    if not raw:
        raise InvalidMessage("empty message")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise InvalidMessage(f"{len(raw)} bytes, more than {MAX_MESSAGE_BYTES}")
    try:
        message = model.model_validate_json(raw)
    except ValidationError as error:
        raise InvalidMessage(_reason(error.errors(include_url=False, include_input=False))) from None
    latest = max(message_times(message), default=record_timestamp)
    if latest > record_timestamp + MAX_FUTURE_SECONDS:
        raise InvalidMessage(f"time {latest:.3f} lies {latest - record_timestamp:.0f} s ahead of its record")
    return message


def _reason(errors: list[Any]) -> str:
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where + ': ' if where else ''}{first['msg']}{more}"[:500]


@lru_cache(maxsize=4096)
def canonical_pair(pair: str) -> str:
    """The canonical name of a message's pair, cached: `XBT/USD` -> `BTC/USD`. Raises `UnknownAsset`."""
    return canonical(pair)
