"""One frozen model per topic: exactly the JSON on the wire, and what makes a message readable.

`parse_message` is the only judge of a message. Whatever is faster elsewhere must agree with it.
"""

from functools import lru_cache
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contracts.assets import canonical, is_symbol, split_pair
from contracts.rules import EARLIEST_EVENT_SECONDS, MAX_FUTURE_SECONDS, MAX_MESSAGE_BYTES, SentimentLabel, Side

# PostgreSQL stores any character but NUL.
Text = Annotated[str, Field(pattern=r"^[^\x00]*$", max_length=100_000)]
ShortText = Annotated[str, Field(pattern=r"^[^\x00]+$", min_length=1, max_length=2_000)]
# Part of keys. An entry of a B-tree holds 2,704 bytes and a character takes up to four: two of these fit into one.
Identity = Annotated[str, Field(pattern=r"^[^\x00]+$", min_length=1, max_length=300)]
EpochSeconds = Annotated[float, Field(ge=EARLIEST_EVENT_SECONDS, le=253_402_300_799)]
Price = Annotated[float, Field(gt=0)]
Quote = Annotated[float, Field(ge=0)]
Quantity = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Offset = Annotated[int, Field(ge=0, le=2**63 - 1)]

AlertType = Literal["price_move", "spread_blowout", "stale_feed"]
TradeSource = Literal["stream", "refill", "backfill"]
"""As it happened; fetched because the stream left it out; fetched because somebody asked for the past."""

GapCause = Literal["reconnect", "restart", "jump"]
MarketSource = Literal["binance", "coingecko"]
"""The polled sources. Each is a folder of that name in `data_producers/sources/`."""
CandleInterval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]


class Unreadable(ValueError):
    """A message that no one can read. `str()` of it is the reason that goes to `deadletter`."""


class Message(BaseModel):
    """What all messages share: frozen, strict on types, finite numbers, unknown fields ignored (venues add some)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)

    def to_json(self) -> bytes:
        """The message as it goes on the wire: compact UTF-8 JSON, fields in the declared order."""
        return self.model_dump_json().encode()


@lru_cache(maxsize=4096)
def _is_pair(text: str) -> bool:
    return split_pair(text) is not None


class _OfPair(Message):
    pair: ShortText
    """As the venue spells it; `canonical(pair)` is the name in every table."""

    @model_validator(mode="after")
    def _pair_is_known(self) -> Self:
        if not _is_pair(self.pair):
            raise ValueError(f"unknown pair {self.pair[:40]!r}")
        return self


class Ticker(_OfPair):
    """One state of a pair's market. `timestamp` is the venue's event time, `received_at` ours, both epoch seconds.

    `received_at` rises strictly within a producer's life, unless its clock is set back by more than
    `MAX_CLOCK_LEAD_SECONDS`, so (pair, timestamp, received_at) names one observation.
    """

    last: Price
    bid: Quote
    ask: Quote
    volume_24h: Quote
    timestamp: EpochSeconds
    received_at: EpochSeconds
    pct_change: float | None = None
    source: ShortText = "kraken"

    @model_validator(mode="after")
    def _book_is_not_crossed(self) -> Self:
        if self.bid > self.ask:
            raise ValueError(f"bid {self.bid} above ask {self.ask}")
        return self


class Trade(_OfPair):
    """One trade. `side` is the taker's, `trade_id` the venue's sequence per book: (pair, trade_id) names the trade."""

    price: Price
    volume: Quantity
    side: Side
    trade_id: Offset
    timestamp: EpochSeconds
    received_at: EpochSeconds
    source: TradeSource = "stream"


class Alert(_OfPair):
    """Something worth a look. `change_percent` is signed: its sign is the direction of the move."""

    last_price: Price
    change_percent: float
    threshold: Quantity
    alert_type: AlertType
    timestamp: EpochSeconds


class Gap(_OfPair):
    """Trades of a pair that did not come: those numbered `from_id` to `to_id`, between the venue's two times.

    `cause`: lost with a connection, with a process, or within the stream. `missing_left` is how many are missing at
    `reported_at`; once none is, `closed_at` says since when. A later report of the same gap, which goes by pair and
    `from_id`, supersedes the earlier. A gap reported again and still open is one the venue's history does not fill.
    """

    from_id: Offset
    to_id: Offset
    from_time: EpochSeconds
    to_time: EpochSeconds
    cause: GapCause
    detected_at: EpochSeconds
    reported_at: EpochSeconds
    closed_at: EpochSeconds | None = None
    missing_left: Offset
    source: ShortText = "kraken"

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        if self.from_id > self.to_id:
            raise ValueError(f"from_id {self.from_id} above to_id {self.to_id}")
        if self.missing_left > self.to_id - self.from_id + 1:
            raise ValueError(f"missing_left {self.missing_left} of {self.to_id - self.from_id + 1} trades")
        if (self.closed_at is None) != (self.missing_left > 0):
            raise ValueError("closed_at says that none is missing, and only then")
        return self


class MarketSnapshot(_OfPair):
    """A pair's market as a polled source told it: (pair, source, timestamp) names the snapshot.

    `timestamp` is the source's own time. Amounts are in the quote currency, but for `volume_24h` and
    `taker_buy_volume`, which are in the base asset. What a source does not tell is null.
    """

    source: MarketSource
    price: Price
    change_24h: float | None = None
    change_percent_24h: float | None = None
    high_24h: Price | None = None
    low_24h: Price | None = None
    volume_24h: Quote | None = None
    quote_volume_24h: Quote | None = None
    weighted_average_24h: Price | None = None
    market_cap: Quote | None = None
    bid: Price | None = None
    ask: Price | None = None
    spread: Quote | None = None
    spread_percent: Quote | None = None
    recent_trades: Offset | None = None
    """How many of the newest trades `mean_trade_price` and `taker_buy_volume` are of."""
    mean_trade_price: Price | None = None
    taker_buy_volume: Quote | None = None
    timestamp: EpochSeconds
    received_at: EpochSeconds

    @model_validator(mode="after")
    def _book_is_not_crossed(self) -> Self:
        if self.bid is not None and self.ask is not None and self.bid > self.ask:
            raise ValueError(f"bid {self.bid} above ask {self.ask}")
        return self


class Candle(_OfPair):
    """A candle as its venue made it, closed for good: (pair, source, interval, timestamp) names it.

    `timestamp` is the moment it begins. `volume` and `taker_buy_volume` are in the base asset, the other two volumes in
    the quote currency.
    """

    source: MarketSource
    interval: CandleInterval
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quote
    quote_volume: Quote
    trade_count: Offset
    taker_buy_volume: Quote
    taker_buy_quote_volume: Quote
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
    """A scorer's verdict on a text: `score` in [0, 1], its label, and how much evidence there was, in [0, 1].

    `hits` are the words that decided, the weightiest first; older messages have none.
    """

    model_config = Message.model_config

    score: Fraction
    label: SentimentLabel
    confidence: Fraction
    scorer: ShortText
    hits: Annotated[list[ShortText], Field(max_length=100)] = Field(default_factory=list)


class Article(Message):
    """One version of a news article. `published_at` is the newsroom's time of the first, `collected_at` when we learned
    of this one (epoch seconds).

    `revision` counts the versions of one `id` from 1: a headline that was edited is the next. `story_id` is the id of
    the article that first told the same story, in whichever newsroom: its own if none did. Older messages have neither:
    they are first versions of stories of their own.
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
        strangers = [coin for coin in self.cryptocurrencies_mentioned if not is_symbol(coin)]
        if strangers:
            raise ValueError(f"not a canonical symbol: {strangers[0][:40]!r}")
        return self


class DeadLetter(Message):
    """A message nobody could read: where it stood, why, its first bytes (base64) and its full length."""

    topic: ShortText
    partition: Offset
    offset: Offset
    reason: ShortText
    raw: str
    raw_bytes: Offset
    at: EpochSeconds


M = TypeVar("M", bound=Message)

_OWN_TIMES = ("received_at", "collected_at", "detected_at", "reported_at")
_GAP_TIMES = ("from_time", "to_time", "detected_at", "reported_at", "closed_at")


def event_times(message: Message) -> tuple[float, ...]:
    """Every epoch second a message claims, for the rule that none may lie far ahead of its record's own time."""
    fields = ("timestamp", "received_at", "published_at", "collected_at", *_GAP_TIMES)
    return tuple(value for field in fields if (value := getattr(message, field, None)) is not None)


def own_time(message: Message) -> float:
    """The latest epoch second of a message that our own clock told and no venue; 0 where it has none."""
    return max(getattr(message, field, 0.0) for field in _OWN_TIMES)


def parse_message(model: type[M], raw: bytes | None, recorded_at: float) -> M:
    """The message in `raw`, or `Unreadable` with the reason.

    `recorded_at` is the Kafka record's own time in epoch seconds: the verdict depends on the record alone, never on
    when it is read, so a replay judges the same.
    """
    if not raw:
        raise Unreadable("empty message")
    if len(raw) > MAX_MESSAGE_BYTES:
        raise Unreadable(f"{len(raw)} bytes, more than {MAX_MESSAGE_BYTES}")
    try:
        message = model.model_validate_json(raw)
    except ValidationError as error:
        raise Unreadable(_reason(error.errors(include_url=False, include_input=False))) from None
    latest = max(event_times(message), default=recorded_at)
    if latest > recorded_at + MAX_FUTURE_SECONDS:
        raise Unreadable(f"time {latest:.3f} lies {latest - recorded_at:.0f} s ahead of its record")
    return message


def _reason(errors: list[Any]) -> str:
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where + ': ' if where else ''}{first['msg']}{more}"[:500]


@lru_cache(maxsize=4096)
def canonical_pair(pair: str) -> str:
    """The table's name for a message's pair: `XBT/USD` -> `BTC/USD`. Raises `UnknownAsset`."""
    return canonical(pair)
