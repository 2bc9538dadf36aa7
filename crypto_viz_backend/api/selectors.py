"""What the API can tell: each function one read, keyword-only, knowing nothing of HTTP.

All raise `DatabaseAway` when the database cannot answer.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from api.periods import Span
from api.timescale_client import Row, fetch_rows
from contracts.assets import QUOTES, canonical
from contracts.rules import AGGREGATED_ARTICLES, MAX_SILENCE_SECONDS, REFERENCE_QUOTE, WINDOW_SECONDS, label_of


@dataclass(frozen=True, slots=True)
class Market:
    """What a client means by a name: the asset's `symbol`, its `pair` for candles, and all `pairs` it may trade in."""

    symbol: str
    pair: str
    pairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a read, when the newest thing in them happened, and whether something is known to be missing.

    `complete` is None where that cannot be told. `gaps` sums up the open gaps of the stretch; None where there is none
    to look for.
    """

    rows: list[Row]
    source_time: datetime | None
    complete: bool | None = None
    gaps: Row | None = None


def market_of(*, crypto: str) -> Market:
    """The market that goes by `crypto`: any alias of an asset, or a pair and then that pair alone.

    Raises `UnknownAsset`.
    """
    name = canonical(crypto)
    symbol, _, quote = name.partition("/")
    if quote:
        return Market(symbol, name, (name,))
    return Market(symbol, f"{symbol}/{REFERENCE_QUOTE}", tuple(f"{symbol}/{other}" for other in QUOTES))


def price_history(*, pair: str, span: Span, interval: timedelta, limit: int | None, now: datetime) -> Answer:
    """Candles of `pair` that begin in `span`, oldest first, the newest `limit`. Buckets without a trade are absent.

    Not complete where a gap on record is open in `span`, or a number in the stored trades is left out; complete only
    where what is stored is known to reach from before `span` to its end (or to a moment ago, if that is still to come).
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
    unbroken = [row.pop("complete") for row in rows]
    complete = False if gaps["count"] else next(iter(unbroken), None)
    return replace(_answer(_newest(rows, limit)), complete=complete, gaps=gaps)


def price_latest(*, pairs: tuple[str, ...]) -> Answer:
    """The newest ticker of each of `pairs` that has one, in their order."""
    return _answer(fetch_rows("price_latest", pairs=list(pairs)))


def market_latest(*, pairs: tuple[str, ...], source: str | None) -> Answer:
    """The newest state of the markets of `pairs` at each polled source, or at the one named: by pair, then source."""
    return _answer(fetch_rows("market_latest", pairs=list(pairs), source=source))


def sentiment_history(*, symbol: str, span: Span, interval: timedelta, limit: int | None, now: datetime) -> Answer:
    """Mean sentiment per bucket of the windows that began in it, weighted by their stories: oldest first, as above."""
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


def prediction_list(*, symbol: str, span: Span, limit: int, now: datetime) -> Answer:
    """The newest `limit` forecasts of each model whose window has ended, oldest first."""
    return _answer(fetch_rows("prediction_list", symbol=symbol, start=span.start, end=span.end, limit=limit, now=now))


def news_impact(*, symbol: str, span: Span) -> Answer:
    """What the price did after the stories told in `span`, on the mean, per label and time after: shortest first."""
    return _answer(fetch_rows("news_impact", symbol=symbol, start=span.start, end=span.end))


def article_list(*, symbol: str, span: Span, limit: int) -> Answer:
    """The newest `limit` articles that mention `symbol`, newest first."""
    return _answer(fetch_rows("article_list", symbol=symbol, start=span.start, end=span.end, limit=limit))


def table_freshness() -> dict[str, datetime | None]:
    """For each table the event time of its newest row; None while it is empty."""
    return {row["table_name"]: row["newest_at"] for row in fetch_rows("table_freshness")}


def _newest(rows: list[Row], limit: int | None) -> list[Row]:
    return rows if limit is None else rows[-limit:]


def _answer(rows: list[Row]) -> Answer:
    times = [row.pop("source_time") for row in rows]
    return Answer(rows, max(times, default=None))
