"""The rows that the audit compares for each topic: the one expected from a message, and the one in the table. Pure.

Deliberately independent of the job's code that makes rows: an audit that shared it would share its bugs. All written
columns are compared except `received_at` of records that a gap refill or the next poll publishes again: the row has
that of the first record, which retention may have deleted from Kafka.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from contracts.messages import Alert, Article, Candle, Gap, MarketSnapshot, Ticker, Trade, canonical_pair
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWALERT, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE, Topic
from scripts.audit.verdict import RowValues


def epoch_microseconds(epoch_seconds: float) -> int:
    """Epoch seconds as epoch microseconds, the precision of the tables."""
    return round(epoch_seconds * 1_000_000)


def _ticker(m: Ticker) -> RowValues:
    times = epoch_microseconds(m.timestamp), epoch_microseconds(m.received_at)
    return (canonical_pair(m.pair), *times, m.last, m.bid, m.ask, m.volume_24h)


def _trade(m: Trade) -> RowValues:
    return (canonical_pair(m.pair), m.trade_id, epoch_microseconds(m.timestamp), m.price, m.volume, m.side)


def _alert(m: Alert) -> RowValues:
    return (
        canonical_pair(m.pair),
        epoch_microseconds(m.timestamp),
        m.alert_type,
        m.last_price,
        m.change_percent,
        m.threshold,
    )


def _article(m: Article) -> RowValues:
    text = m.title, m.url, m.website, m.summary, m.cryptocurrencies_mentioned
    mood = m.sentiment.score, m.sentiment.label, m.sentiment.confidence, m.sentiment.scorer, m.sentiment.hits
    return (
        m.id,
        epoch_microseconds(m.published_at),
        m.revision,
        *text,
        *mood,
        epoch_microseconds(m.collected_at),
        m.story_id,
    )


def _gap(m: Gap) -> RowValues:
    return (
        canonical_pair(m.pair),
        m.from_id,
        epoch_microseconds(m.from_time),
        epoch_microseconds(m.reported_at),
        m.to_id,
        epoch_microseconds(m.to_time),
        m.cause,
        m.missing_left,
        epoch_microseconds(m.detected_at),
        None if m.closed_at is None else epoch_microseconds(m.closed_at),
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


def _market(m: MarketSnapshot) -> RowValues:
    return (
        canonical_pair(m.pair),
        m.source,
        epoch_microseconds(m.timestamp),
        *(getattr(m, name) for name in MARKET_VALUES),
    )


def _candle(m: Candle) -> RowValues:
    key = canonical_pair(m.pair), m.source, m.interval, epoch_microseconds(m.timestamp)
    return (*key, *(getattr(m, name) for name in CANDLE_VALUES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one topic is compared with its table: the columns to read, and the same row made from a message.

    The first `len(table.natural_key)` columns are the natural key. If rows have versions, the version follows the key,
    and only the newest counts. `plain`: the number of leading columns that are kept in memory as they are; the others
    are long texts and are replaced by a digest (None: all are kept).
    """

    topic: Topic
    columns: str
    row_of: Callable[[Any], RowValues]
    plain: int | None = None

    def compact(self, row: RowValues) -> RowValues:
        """The row as it is kept in memory: equal exactly if the rows are equal."""
        return row if self.plain is None else (*row[: self.plain], _digest(row[self.plain :]))


def _digest(values: RowValues) -> bytes:
    # repr() of a float is unique to its value.
    return blake2b(repr(values).encode(), digest_size=16).digest()


def _sql_microseconds(column: str) -> str:
    return f"(extract(epoch from {column}) * 1000000)::bigint"


_AT = _sql_microseconds("timestamp")
TICKS = Comparison(
    topic=RAWTICKER,
    columns=f"pair, {_AT}, {_sql_microseconds('received_at')}, last, bid, ask, volume_24h",
    row_of=_ticker,
)
COMPARISONS: tuple[Comparison, ...] = (
    TICKS,
    Comparison(topic=RAWTRADE, columns=f"pair, trade_id, {_AT}, price, volume, side", row_of=_trade),
    Comparison(
        topic=RAWALERT,
        columns=f"pair, {_AT}, alert_type, last_price, change_percent, threshold",
        row_of=_alert,
    ),
    Comparison(
        topic=RAWARTICLE,
        columns=f"article_id, {_AT}, revision, title, url, website, summary, cryptocurrencies_mentioned, "
        f"sentiment_score, sentiment_label, confidence, scorer, sentiment_hits, {_sql_microseconds('collected_at')}, "
        "story_id",
        row_of=_article,
        plain=3,
    ),
    Comparison(
        topic=RAWGAP,
        columns=f"pair, from_id, {_AT}, {_sql_microseconds('reported_at')}, to_id, {_sql_microseconds('to_time')}, "
        f"cause, missing_left, {_sql_microseconds('detected_at')}, {_sql_microseconds('closed_at')}, source",
        row_of=_gap,
    ),
    Comparison(topic=POLLED_MARKET, columns=f"pair, source, {_AT}, {', '.join(MARKET_VALUES)}", row_of=_market),
    Comparison(
        topic=POLLED_CANDLE, columns=f"pair, source, interval, {_AT}, {', '.join(CANDLE_VALUES)}", row_of=_candle
    ),
)
