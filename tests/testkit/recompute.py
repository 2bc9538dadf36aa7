"""The window tables worked out again from Kafka alone, in plain Python, sharing only the contracts with the jobs."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from math import fsum, isclose
from statistics import fmean, pstdev
from typing import Any

from contracts.messages import InvalidMessage, canonical_pair, parse_message
from contracts.rules import (
    FORECAST_HORIZON_SECONDS,
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

RELATIVE = 1e-10
"""How far two sums of the same numbers in another order may lie apart, against the greatest of them."""


def records(bootstrap: str, topic: Topic) -> Iterator[Any]:
    """Every readable message that the topic holds now."""
    for message in read_topic(bootstrap, topic.name):
        try:
            yield parse_message(topic.message, message.value(), message.timestamp()[1] / 1000)
        except InvalidMessage:
            continue


def recomputed_forecasts(bootstrap: str) -> dict[Key, tuple[Any, ...]]:
    """Of each price window: how many ticks, their mean, standard deviation, least, greatest and last price; the
    interval's ends, its target in epoch seconds, and what the price was there, as a job knows it that has read all.
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
    """The last price of the window that ends at the target, None without one or while ticks are still waited for."""
    target = end + FORECAST_HORIZON_SECONDS
    outcome = statistics.get((symbol, target))
    return outcome[-1] if outcome is not None and target <= newest - WATERMARK_SECONDS else None


def recomputed_sentiment(bootstrap: str) -> dict[Key, tuple[Any, ...]]:
    """Of each sentiment window: how many articles and stories, the stories' score, its label and their confidence."""
    told: dict[Key, list[Any]] = defaultdict(list)
    for article in records(bootstrap, RAWARTICLE):
        start = int(article.collected_at) // WINDOW_SECONDS * WINDOW_SECONDS
        for coin in article.cryptocurrencies_mentioned:
            if article.revision < 2:
                told[coin, start + WINDOW_SECONDS].append(article)
    return {key: _mood(articles) for key, articles in told.items()}


def _mood(articles: list[Any]) -> tuple[Any, ...]:
    """What a window says: each story speaks once, through the article that told it first, as loud as it is sure."""
    voices = [article.sentiment for article in articles if article.story_id == article.id]
    loudness = fsum(voice.confidence for voice in voices)
    if not loudness:
        return len(articles), len(voices), 0.5, "neutral", 0.0
    score = fsum(voice.score * voice.confidence for voice in voices) / loudness
    return len(articles), len(voices), score, label_of(score), loudness / len(voices)


def stored_forecasts(query: Query) -> dict[Key, tuple[Any, ...]]:
    """The same as `prediction_data` has it."""
    rows = query(
        "SELECT crypto_symbol, timestamp, sample_count, predicted_price, price_stddev, price_min, price_max, price_last"
        ", confidence_interval_low, confidence_interval_high, extract(epoch FROM target_at)::float8, actual_price"
        " FROM prediction_data"
    )
    return {(symbol, epoch(at)): tuple(values) for symbol, at, *values in rows}


def stored_sentiment(query: Query) -> dict[Key, tuple[Any, ...]]:
    """The same as `sentiment_data` has it."""
    rows = query(
        "SELECT crypto_symbol, timestamp, article_count, story_count, sentiment_score, sentiment_label, confidence"
        " FROM sentiment_data"
    )
    return {(symbol, epoch(at)): tuple(values) for symbol, at, *values in rows}


def epoch(at: datetime) -> int:
    """Epoch seconds of the end of a window, which is a whole number of them."""
    return round(at.astimezone(UTC).timestamp())


def differences(expected: Mapping[Key, tuple[Any, ...]], found: Mapping[Key, tuple[Any, ...]]) -> list[str]:
    """What is wrong, a line for each window: missing, made up, or of other values. Empty when nothing is."""
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
