"""Converts each topic's messages to rows of its table: the field and the conversion of each column. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from contracts.messages import Alert, Article, Candle, Gap, MarketSnapshot, Message, Ticker, Trade, canonical_pair
from contracts.tables import TABLE_BY_TOPIC
from contracts.topics import POLLED_CANDLE, POLLED_MARKET, RAWALERT, RAWARTICLE, RAWGAP, RAWTICKER, RAWTRADE
from spark_jobs.schemas import table_schema


def to_timestamps(epoch_seconds: Iterable[float]) -> pa.Array:
    """Epoch seconds as an Arrow timestamp column, rounded to the venue's microsecond."""
    seconds = np.fromiter(epoch_seconds, np.float64)
    return pa.array(np.rint(seconds * 1e6).astype(np.int64), pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def to_timestamps_or_null(epoch_seconds: Sequence[float | None]) -> pa.Array:
    """The same, with NULL for None."""
    times = [None if seconds is None else round(seconds * 1e6) for seconds in epoch_seconds]
    return pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def floats_or_null(numbers: Sequence[float | None]) -> pa.Array:
    """Numbers as floats with NULL for None; JSON may write a float without a decimal point."""
    return pa.array([None if number is None else float(number) for number in numbers], pa.float64())


def array_literals(columns: Sequence[Sequence[str]]) -> pa.Array:
    """Lists of texts as PostgreSQL's array literals; texts other than plain letters and digits are quoted."""
    return pa.array(["{" + ",".join(map(_element, texts)) + "}" for texts in columns], pa.string())


def _element(text: str) -> str:
    if text.isalnum() and text.isascii() and text.lower() != "null":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _pairs(values: Sequence[str]) -> pa.Array:
    names = {value: canonical_pair(value) for value in set(values)}
    return pa.array([names[value] for value in values], pa.string())


@dataclass(frozen=True, slots=True)
class Layout:
    """How a topic's messages become rows of its table: for each column the message field and its conversion.

    `bulk`: whether the topic has so many messages that it needs the fast path of `decode`.
    """

    model: type[Message]
    fields: dict[str, tuple[str, Callable[[Sequence[Any]], pa.Array] | None]]
    bulk: bool


_TIME = to_timestamps
LAYOUTS: dict[str, Layout] = {
    RAWTICKER.name: Layout(
        Ticker,
        {
            "timestamp": ("timestamp", _TIME),
            "pair": ("pair", _pairs),
            "last": ("last", None),
            "bid": ("bid", None),
            "ask": ("ask", None),
            "volume_24h": ("volume_24h", None),
            "received_at": ("received_at", _TIME),
        },
        bulk=True,
    ),
    RAWTRADE.name: Layout(
        Trade,
        {
            "timestamp": ("timestamp", _TIME),
            "pair": ("pair", _pairs),
            "price": ("price", None),
            "volume": ("volume", None),
            "side": ("side", None),
            "trade_id": ("trade_id", None),
            "received_at": ("received_at", _TIME),
        },
        bulk=True,
    ),
    RAWALERT.name: Layout(
        Alert,
        {
            "timestamp": ("timestamp", _TIME),
            "pair": ("pair", _pairs),
            "last_price": ("last_price", None),
            "change_percent": ("change_percent", None),
            "threshold": ("threshold", None),
            "alert_type": ("alert_type", None),
        },
        bulk=False,
    ),
    RAWGAP.name: Layout(
        Gap,
        {
            "timestamp": ("from_time", _TIME),
            "pair": ("pair", _pairs),
            "from_id": ("from_id", None),
            "to_id": ("to_id", None),
            "to_time": ("to_time", _TIME),
            "cause": ("cause", None),
            "missing_left": ("missing_left", None),
            "detected_at": ("detected_at", _TIME),
            "reported_at": ("reported_at", _TIME),
            "closed_at": ("closed_at", to_timestamps_or_null),
            "source": ("source", None),
        },
        bulk=False,
    ),
    POLLED_MARKET.name: Layout(
        MarketSnapshot,
        {
            "timestamp": ("timestamp", _TIME),
            "pair": ("pair", _pairs),
            "source": ("source", None),
            "price": ("price", None),
            "change_24h": ("change_24h", floats_or_null),
            "change_percent_24h": ("change_percent_24h", floats_or_null),
            "high_24h": ("high_24h", floats_or_null),
            "low_24h": ("low_24h", floats_or_null),
            "volume_24h": ("volume_24h", floats_or_null),
            "quote_volume_24h": ("quote_volume_24h", floats_or_null),
            "weighted_average_24h": ("weighted_average_24h", floats_or_null),
            "market_cap": ("market_cap", floats_or_null),
            "bid": ("bid", floats_or_null),
            "ask": ("ask", floats_or_null),
            "spread": ("spread", floats_or_null),
            "spread_percent": ("spread_percent", floats_or_null),
            "recent_trades": ("recent_trades", None),
            "mean_trade_price": ("mean_trade_price", floats_or_null),
            "taker_buy_volume": ("taker_buy_volume", floats_or_null),
            "received_at": ("received_at", _TIME),
        },
        bulk=False,
    ),
    POLLED_CANDLE.name: Layout(
        Candle,
        {
            "timestamp": ("timestamp", _TIME),
            "pair": ("pair", _pairs),
            "source": ("source", None),
            "interval": ("interval", None),
            "open": ("open", None),
            "high": ("high", None),
            "low": ("low", None),
            "close": ("close", None),
            "volume": ("volume", None),
            "quote_volume": ("quote_volume", None),
            "trade_count": ("trade_count", None),
            "taker_buy_volume": ("taker_buy_volume", None),
            "taker_buy_quote_volume": ("taker_buy_quote_volume", None),
            "received_at": ("received_at", _TIME),
        },
        bulk=False,
    ),
    RAWARTICLE.name: Layout(
        Article,
        {
            "timestamp": ("published_at", _TIME),
            "article_id": ("id", None),
            "title": ("title", None),
            "url": ("url", None),
            "website": ("website", None),
            "summary": ("summary", None),
            "cryptocurrencies_mentioned": ("cryptocurrencies_mentioned", array_literals),
            "sentiment_score": ("sentiment.score", None),
            "sentiment_label": ("sentiment.label", None),
            "confidence": ("sentiment.confidence", None),
            "scorer": ("sentiment.scorer", None),
            "sentiment_hits": ("sentiment.hits", array_literals),
            "collected_at": ("collected_at", _TIME),
            "revision": ("revision", None),
            "story_id": ("story_id", None),
        },
        bulk=False,
    ),
}


def to_rows(topic: str, columns: Sequence[Sequence[Any]]) -> pa.Table:
    """The rows of the topic's table from columns of its messages' fields, in the layout's order; may be empty."""
    schema = table_schema(TABLE_BY_TOPIC[topic])
    if not columns:
        return schema.empty_table()
    arrays = [
        convert(column) if convert is not None else _array(column, schema.field(name).type)
        for (name, (_, convert)), column in zip(LAYOUTS[topic].fields.items(), columns, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _array(column: Sequence[Any], kind: pa.DataType) -> pa.Array:
    # JSON may write a price without a decimal point; Arrow itself rejects an integer that a float only approximates.
    return pa.array(np.asarray(column, np.float64) if kind == pa.float64() else column, kind)
