"""The window tables recomputed from Kafka in plain Python, sharing only the contracts with the jobs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from math import fsum, isclose
from statistics import fmean, pstdev
from typing import Any

from contracts.messages import InvalidMessage, canonical_pair, parse_message
from contracts.rules import (
    FORECAST_HORIZON_SECONDS,
    MOVING_AVERAGE,
    REFERENCE_QUOTE,
    SLIDE_SECONDS,
    WATERMARK_SECONDS,
    WINDOW_SECONDS,
    label_of,
)
from contracts.topics import RAWARTICLE, RAWTICKER, Topic
from tests.testkit.kafka import read_topic

Key = tuple[str, int]
"""(symbol, end of the window in epoch seconds)."""

Query = Callable[[str], list[tuple[Any, ...]]]
"""Runs a statement on the database, in UTC."""

_OWN_FORECASTS = f"model_name = '{MOVING_AVERAGE}' AND horizon_seconds = {FORECAST_HORIZON_SECONDS}"

WINDOW_COUNTS = (
    f"SELECT (SELECT coalesce(sum(sample_count), 0) FROM prediction_data WHERE {_OWN_FORECASTS}),"
    " (SELECT coalesce(sum(article_count), 0) FROM sentiment_data)"
)
"""The observations in all stored price windows and in all sentiment windows, however many models are registered."""

RELATIVE = 1e-10
"""The relative tolerance for two sums of the same numbers in another order."""


def records(bootstrap: str, topic: Topic) -> Iterator[Any]:
    """Every valid message in the topic."""
    for message in read_topic(bootstrap, topic.name):
        try:
            yield parse_message(topic.message, message.value(), message.timestamp()[1] / 1000)
        except InvalidMessage:
            continue


def recomputed_forecasts(bootstrap: str) -> dict[Key, tuple[Any, ...]]:
    """Of each price window: number of ticks; mean, standard deviation, minimum, maximum and last price; the ends of the
    interval, the target in epoch seconds, and the price there, as a job stores it that has read all.
    """
    ticks: dict[Key, list[tuple[int, int, float]]] = defaultdict(list)
    for tick in records(bootstrap, RAWTICKER):
        symbol, quote = canonical_pair(tick.pair).split("/")
        if quote != REFERENCE_QUOTE:
            continue
        micros = round(tick.timestamp * 1e6)
        first = micros // 1_000_000 // SLIDE_SECONDS * SLIDE_SECONDS
        for start in range(first - WINDOW_SECONDS + SLIDE_SECONDS, first + 1, SLIDE_SECONDS):
            ticks[symbol, start + WINDOW_SECONDS].append((micros, round(tick.received_at * 1e6), tick.last))
    statistics = {window: _statistics([price for *_, price in sorted(seen)]) for window, seen in ticks.items()}
    newest = max((end for _, end in ticks), default=0) - WINDOW_SECONDS
    return {
        (symbol, end): (*seen, *_forecast(seen, end), _outcome(statistics, symbol, end, newest))
        for (symbol, end), seen in statistics.items()
    }


def _statistics(prices: list[float]) -> tuple[Any, ...]:
    return len(prices), fmean(prices), pstdev(prices), min(prices), max(prices), prices[-1]


def _forecast(seen: tuple[Any, ...], end: int) -> tuple[Any, ...]:
    _, mean, deviation, *_ = seen
    return mean - deviation, mean + deviation, end + FORECAST_HORIZON_SECONDS


def _outcome(statistics: dict[Key, tuple[Any, ...]], symbol: str, end: int, newest: int) -> float | None:
    """The last price of the window that ends at the target, None without one or while the window is open."""
    target = end + FORECAST_HORIZON_SECONDS
    outcome = statistics.get((symbol, target))
    return outcome[-1] if outcome is not None and target <= newest - WATERMARK_SECONDS else None


def recomputed_sentiment(bootstrap: str) -> dict[Key, tuple[Any, ...]]:
    """Of each sentiment window: number of articles and of stories; score, label and confidence of the stories."""
    articles_of: dict[Key, list[Any]] = defaultdict(list)
    for article in records(bootstrap, RAWARTICLE):
        start = int(article.collected_at) // WINDOW_SECONDS * WINDOW_SECONDS
        for coin in article.cryptocurrencies_mentioned:
            if article.revision < 2:
                articles_of[coin, start + WINDOW_SECONDS].append(article)
    return {key: _sentiment(articles) for key, articles in articles_of.items()}


def _sentiment(articles: list[Any]) -> tuple[Any, ...]:
    """The sentiment of a window: the first article of each story votes, with its confidence as weight."""
    votes = [article.sentiment for article in articles if article.story_id == article.id]
    weight = fsum(vote.confidence for vote in votes)
    if not weight:
        return len(articles), len(votes), 0.5, "neutral", 0.0
    score = fsum(vote.score * vote.confidence for vote in votes) / weight
    return len(articles), len(votes), score, label_of(score), weight / len(votes)


def stored_forecasts(query: Query) -> dict[Key, tuple[Any, ...]]:
    """The same figures as stored in `prediction_data` for the moving average."""
    rows = query(
        "SELECT crypto_symbol, timestamp, sample_count, predicted_price, price_stddev, price_min, price_max, price_last"
        ", confidence_interval_low, confidence_interval_high, extract(epoch FROM target_at)::float8, actual_price"
        f" FROM prediction_data WHERE {_OWN_FORECASTS}"
    )
    return {(symbol, epoch(at)): tuple(values) for symbol, at, *values in rows}


def stored_sentiment(query: Query) -> dict[Key, tuple[Any, ...]]:
    """The same figures as stored in `sentiment_data`."""
    rows = query(
        "SELECT crypto_symbol, timestamp, article_count, story_count, sentiment_score, sentiment_label, confidence"
        " FROM sentiment_data"
    )
    return {(symbol, epoch(at)): tuple(values) for symbol, at, *values in rows}


def epoch(at: datetime) -> int:
    """Whole epoch seconds of the end of a window."""
    return round(at.astimezone(UTC).timestamp())


def differences(expected: Mapping[Key, tuple[Any, ...]], found: Mapping[Key, tuple[Any, ...]]) -> list[str]:
    """One line per window that is missing, unexpected or different. Empty if all agree."""
    return [
        f"{symbol} {datetime.fromtimestamp(end, UTC):%H:%M:%S}: {found.get((symbol, end))} instead of "
        f"{expected.get((symbol, end))}"
        for symbol, end in sorted({*expected, *found})
        if not _equal(expected.get((symbol, end)), found.get((symbol, end)))
    ]


def _equal(expected: tuple[Any, ...] | None, found: tuple[Any, ...] | None) -> bool:
    if expected is None or found is None or len(expected) != len(found):
        return False
    tolerance = RELATIVE * max((abs(value) for value in expected if isinstance(value, float)), default=0.0)
    return all(
        isclose(one, other, rel_tol=0.0, abs_tol=tolerance)
        if isinstance(one, float) and isinstance(other, float)
        else one == other
        for one, other in zip(expected, found, strict=True)
    )
