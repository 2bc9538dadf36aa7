"""What is compared of each topic: the row made from a message, and the same row read from its table. Pure.

Written out a second time on purpose, apart from how the job makes its rows: an audit that shared that code would share
its mistakes. All written columns are compared but `received_at` of what a refill or the next poll tells again: the row
has that of whichever came first, whose record may be gone from Kafka.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from contracts.messages import Alert, Article, Candle, Gap, MarketSnapshot, Ticker, Trade, canonical_pair
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWALERT, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE, Topic
from scripts.audit.verdict import Row


def microseconds(epoch_seconds: float) -> int:
    """Epoch seconds to the microsecond that the tables keep."""
    return round(epoch_seconds * 1_000_000)


def _ticker(m: Ticker) -> Row:
    times = microseconds(m.timestamp), microseconds(m.received_at)
    return (canonical_pair(m.pair), *times, m.last, m.bid, m.ask, m.volume_24h)


def _trade(m: Trade) -> Row:
    return (canonical_pair(m.pair), m.trade_id, microseconds(m.timestamp), m.price, m.volume, m.side)


def _alert(m: Alert) -> Row:
    return (
        canonical_pair(m.pair),
        microseconds(m.timestamp),
        m.alert_type,
        m.last_price,
        m.change_percent,
        m.threshold,
    )


def _article(m: Article) -> Row:
    text = m.title, m.url, m.website, m.summary, m.cryptocurrencies_mentioned
    mood = m.sentiment.score, m.sentiment.label, m.sentiment.confidence, m.sentiment.scorer, m.sentiment.hits
    return (m.id, microseconds(m.published_at), m.revision, *text, *mood, microseconds(m.collected_at), m.story_id)


def _gap(m: Gap) -> Row:
    return (
        canonical_pair(m.pair),
        m.from_id,
        microseconds(m.from_time),
        microseconds(m.reported_at),
        m.to_id,
        microseconds(m.to_time),
        m.cause,
        m.missing_left,
        microseconds(m.detected_at),
        None if m.closed_at is None else microseconds(m.closed_at),
        m.source,
    )


MARKET_VALUES = (
    *("price", "change_24h", "change_percent_24h", "high_24h", "low_24h", "volume_24h", "quote_volume_24h"),
    *("weighted_average_24h", "market_cap", "bid", "ask", "spread", "spread_percent"),
    *("recent_trades", "mean_trade_price", "taker_buy_volume"),
)
CANDLE_VALUES = (
    *("open", "high", "low", "close", "volume", "quote_volume", "trade_count"),
    *("taker_buy_volume", "taker_buy_quote_volume"),
)


def _market(m: MarketSnapshot) -> Row:
    return (canonical_pair(m.pair), m.source, microseconds(m.timestamp), *(getattr(m, name) for name in MARKET_VALUES))


def _candle(m: Candle) -> Row:
    key = canonical_pair(m.pair), m.source, m.interval, microseconds(m.timestamp)
    return (*key, *(getattr(m, name) for name in CANDLE_VALUES))


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one topic is compared with its table: the columns read there, and the same row made from a message.

    The first `len(table.natural_key)` columns are the natural key; what follows must be equal too. Where rows have
    versions, the version comes right after the key, and the newest alone counts. `shown`: how many of the columns are
    held as they are; where it is told, the rest are texts too long to be held of every row.
    """

    topic: Topic
    columns: str
    row_of: Callable[[Any], Row]
    shown: int | None = None

    def held(self, row: Row) -> Row:
        """What is held of a row, of either side: equal where the rows are equal, and only there."""
        return row if self.shown is None else (*row[: self.shown], _digest(row[self.shown :]))


def _digest(values: Row) -> bytes:
    # Python writes a float with as many digits as tell it from every other one.
    return blake2b(repr(values).encode(), digest_size=16).digest()


def _micros(column: str) -> str:
    return f"(extract(epoch from {column}) * 1000000)::bigint"


_AT = _micros("timestamp")
TICKS = Comparison(RAWTICKER, f"pair, {_AT}, {_micros('received_at')}, last, bid, ask, volume_24h", _ticker)
COMPARISONS: tuple[Comparison, ...] = (
    TICKS,
    Comparison(RAWTRADE, f"pair, trade_id, {_AT}, price, volume, side", _trade),
    Comparison(RAWALERT, f"pair, {_AT}, alert_type, last_price, change_percent, threshold", _alert),
    Comparison(
        RAWARTICLE,
        f"article_id, {_AT}, revision, title, url, website, summary, cryptocurrencies_mentioned, sentiment_score, "
        f"sentiment_label, confidence, scorer, sentiment_hits, {_micros('collected_at')}, story_id",
        _article,
        shown=3,
    ),
    Comparison(
        RAWGAP,
        f"pair, from_id, {_AT}, {_micros('reported_at')}, to_id, {_micros('to_time')}, cause, missing_left, "
        f"{_micros('detected_at')}, {_micros('closed_at')}, source",
        _gap,
    ),
    Comparison(POLLED_MARKET, f"pair, source, {_AT}, {', '.join(MARKET_VALUES)}", _market),
    Comparison(POLLED_CANDLE, f"pair, source, interval, {_AT}, {', '.join(CANDLE_VALUES)}", _candle),
)
