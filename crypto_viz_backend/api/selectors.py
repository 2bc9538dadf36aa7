"""The reads of the API: one keyword-only function each, independent of HTTP.

All raise `DatabaseUnavailable`.
"""

from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime, timedelta

from api.periods import Span
from api.timescale_client import ResultRow, fetch_rows
from contracts.assets import QUOTES, canonical
from contracts.rules import AGGREGATED_ARTICLES, MAX_SILENCE_SECONDS, REFERENCE_QUOTE, WINDOW_SECONDS, label_of


@dataclass(frozen=True, slots=True)
class RequestedMarket:
    """The market that a client requests: asset `symbol`, the `pair` of candles, and all `pairs` of tickers."""

    symbol: str
    pair: str
    pairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """The rows of a read, and the event time of the newest data in them.

    `complete`: whether all trades of the range are stored; None if unknown. `gaps`: summary of the open gaps in the
    range. Both are None for reads other than candles.
    """

    rows: list[ResultRow]
    source_time: datetime | None
    _: KW_ONLY
    complete: bool | None = None
    gaps: ResultRow | None = None


def market_of(*, crypto: str) -> RequestedMarket:
    """The market for `crypto`: any name of an asset, or of a pair to select only that pair.

    Raises `UnknownAsset`.
    """
    name = canonical(crypto)
    symbol, _, quote = name.partition("/")
    if quote:
        return RequestedMarket(symbol, name, (name,))
    return RequestedMarket(symbol, f"{symbol}/{REFERENCE_QUOTE}", tuple(f"{symbol}/{other}" for other in QUOTES))


def price_history(*, pair: str, span: Span, interval: timedelta, limit: int | None, now: datetime) -> ReadResult:
    """The newest `limit` candles of `pair` that begin in `span`, oldest first. Buckets without trades are omitted.

    `complete` is false if a recorded gap in `span` is open or a trade id is missing; true if the stored trades are
    known to cover all of `span`, up to `MAX_SILENCE_SECONDS` ago at the latest; else None.
    """
    rows = fetch_rows(
        "price_history",
        pair=pair,
        start=span.start,
        end=span.end,
        interval=interval,
        now=now,
        max_silence=timedelta(seconds=MAX_SILENCE_SECONDS),
    )
    (gaps,) = fetch_rows("open_gaps", pair=pair, start=span.start, end=span.end)
    stored = [row.pop("complete") for row in rows]
    complete = False if gaps["count"] else next(iter(stored), None)
    return replace(_answer(_newest(rows, limit)), complete=complete, gaps=gaps)


def price_latest(*, pairs: tuple[str, ...]) -> ReadResult:
    """The newest ticker of each of `pairs`, in that order. Pairs without a ticker are omitted."""
    return _answer(fetch_rows("price_latest", pairs=list(pairs)))


def market_latest(*, pairs: tuple[str, ...], source: str | None) -> ReadResult:
    """The newest snapshot of each of `pairs` at each polled source, or at `source` only: by pair, then source."""
    return _answer(fetch_rows("market_latest", pairs=list(pairs), source=source))


def sentiment_history(*, symbol: str, span: Span, interval: timedelta, limit: int | None, now: datetime) -> ReadResult:
    """Mean sentiment per bucket of the windows that begin in it, weighted by stories; newest `limit`, oldest first."""
    rows = fetch_rows(
        "sentiment_history",
        symbol=symbol,
        source=AGGREGATED_ARTICLES,
        window_seconds=WINDOW_SECONDS,
        start=span.start,
        end=span.end,
        interval=interval,
        now=now,
    )
    labelled = [
        {
            "timestamp": row["timestamp"],
            "sentiment_score": row["sentiment_score"],
            "sentiment_label": label_of(row["sentiment_score"]),
            "confidence": row["confidence"],
            "article_count": row["article_count"],
            "story_count": row["story_count"],
            "source_time": row["source_time"],
        }
        for row in _newest(rows, limit)
    ]
    return _answer(labelled)


def prediction_list(*, symbol: str, span: Span, limit: int, now: datetime) -> ReadResult:
    """The newest `limit` forecasts per model and horizon, oldest first. Windows that are still open are omitted."""
    return _answer(fetch_rows("prediction_list", symbol=symbol, start=span.start, end=span.end, limit=limit, now=now))


def news_impact(*, symbol: str, span: Span) -> ReadResult:
    """Mean price change after the stories first published in `span`, per label and horizon; shortest horizon first."""
    return _answer(fetch_rows("news_impact", symbol=symbol, start=span.start, end=span.end))


def article_list(*, symbol: str, span: Span, limit: int) -> ReadResult:
    """The newest `limit` articles that mention `symbol`, newest first."""
    return _answer(fetch_rows("article_list", symbol=symbol, start=span.start, end=span.end, limit=limit))


def table_freshness() -> dict[str, datetime | None]:
    """Event time of the newest row per table; None for an empty table."""
    return {row["table_name"]: row["newest_at"] for row in fetch_rows("table_freshness")}


def _newest(rows: list[ResultRow], limit: int | None) -> list[ResultRow]:
    return rows if limit is None else rows[-limit:]


def _answer(rows: list[ResultRow]) -> ReadResult:
    times = [row.pop("source_time") for row in rows]
    return ReadResult(rows, max(times, default=None))
